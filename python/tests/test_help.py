"""The help of all commands reads as one language, on a narrow terminal too."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

import reference
from conftest import setting
from test_book import refused

# What begins the words of an option, wherever it stands.
SAME = {
    "--all": "Include ",
    "--at": "Use the data as of this generation or time",
    "--comment": "Comment of the generation",
    "--distro": "Distribution",
    "--flavor": "Flavor of the tests",
    "--jobs": "Number of kernels to process in parallel",
    "--limit": "Maximum number of ",
    "--mirror-base": "Mirror of all repositories: ",
    "--sources": "Directory of distribution files",
    "--store": "Directory of fetched headers",
}
# Where it is another thing: a step's options name what they are of.
OTHERS = {
    ("cust report", "--distro"),  # this host's own
    ("cust load", "--limit"),
    ("store prune", "--all"),  # removes instead of listing
    ("available add", "--distro"),
    ("available remove", "--distro"),
    ("available add", "--flavor"),
    ("available remove", "--flavor"),
}
WIDE, NARROW = 100, 60


@pytest.fixture(scope="module")
def commands() -> dict[str, str]:
    """The help of each command, by its words."""
    return {" ".join(words): text for words, text in reference.walk(setting("SQERN"))}


def options(text: str) -> dict[str, str]:
    """Each option with its description in one line."""
    found = re.findall(r"^ +(?:-\w, |    )(--[\w-]+)(.*(?:\n {10,}\S.*|\n(?=\n? {10,}\S))*)", text, re.MULTILINE)
    return {name: re.sub(r"^ *(?:\[?=?<\S+>\]?)? *", "", re.sub(r"\s+", " ", rest)).strip() for name, rest in found}


def test_each_command_has_an_example(commands: dict[str, str]) -> None:
    lacking = [name for name, text in commands.items() if not re.search(r"^Examples?:\n  \S", text, re.MULTILINE)]
    assert [name for name in lacking if not reference.subcommands(commands[name])] == []


def test_each_example_is_taken_by_the_program(commands: dict[str, str]) -> None:
    wrong = []
    for name, text in commands.items():
        group = re.search(r"^Examples?:\n((?:  .*\n)+)", text, re.MULTILINE)
        lines = group[1].replace("\\\n", " ").splitlines() if group else []
        wrong += [f"{name}: {line}\n{error}" for line in lines for error in refused(line)]
    assert not wrong, "\n".join(wrong)


def test_an_option_is_told_in_the_same_words_by_all_commands(commands: dict[str, str]) -> None:
    said: dict[str, set[str]] = defaultdict(set)
    assert {option for text in commands.values() for option in options(text)} > SAME.keys()
    for name, text in commands.items():
        for option, words in options(text).items():
            if option in SAME and (name, option) not in OTHERS and not words.startswith(SAME[option]):
                said[option].add(f"{name}: {words}")
    assert not said


def test_help_fits_its_terminal() -> None:
    for width in (WIDE, NARROW):
        for words, _ in reference.walk(setting("SQERN")):
            long = [line for line in reference.help_of(setting("SQERN"), words, width).splitlines() if len(line) > width]
            # A word is not broken, nor is a usage, which is to be read as one.
            kept = [line for line in long if width == NARROW and re.match(r"(Usage:|      ) sqern ", line) or " " not in line.strip()]
            assert long == kept, (width, words)


def test_an_example_stands_on_one_line(commands: dict[str, str]) -> None:
    """Where help is as wide as by default, no example is broken, so that it can be copied."""
    broken = []
    for name, text in commands.items():
        group = re.search(r"^Examples?:\n((?:.+\n)+)", text, re.MULTILINE)
        lines = group[1].replace("\\\n", " ").splitlines() if group else []
        broken += [f"{name}: {line}" for line in lines if not re.match(r"  \S", line)]
    assert not broken, "\n".join(broken)


def test_help_has_no_marks_of_source_code(commands: dict[str, str]) -> None:
    for name, text in commands.items():
        assert not re.search(r'\\"|`|\[default: \]', text), name
