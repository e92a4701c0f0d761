"""The help texts of all commands are consistent, and fit narrow terminals."""

from __future__ import annotations

import re
from collections import defaultdict

import pytest

import reference
from conftest import setting
from test_book import refused

# The start of the description of an option in all commands.
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
# Options with a different meaning.
OTHERS = {
    ("cust report", "--distro"),  # the distribution of this host
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
    """Returns the help text of each command."""
    return {" ".join(command): text for command, text in reference.walk(setting("SQERN"))}


def options(text: str) -> dict[str, str]:
    """Returns each option with its description as one line."""
    found = re.findall(r"^ +(?:-\w, |    )(--[\w-]+)(.*(?:\n {10,}\S.*|\n(?=\n? {10,}\S))*)", text, re.MULTILINE)
    return {name: re.sub(r"^ *(?:\[?=?<\S+>\]?)? *", "", re.sub(r"\s+", " ", rest)).strip() for name, rest in found}


def test_each_command_has_an_example(commands: dict[str, str]) -> None:
    without_example = [name for name, text in commands.items() if not re.search(r"^Examples?:\n  \S", text, re.MULTILINE)]
    assert [name for name in without_example if not reference.subcommands(commands[name])] == []


def test_each_example_is_a_valid_command(commands: dict[str, str]) -> None:
    wrong = []
    for name, text in commands.items():
        group = re.search(r"^Examples?:\n((?:  .*\n)+)", text, re.MULTILINE)
        lines = group[1].replace("\\\n", " ").splitlines() if group else []
        wrong += [f"{name}: {line}\n{error}" for line in lines for error in refused(line)]
    assert not wrong, "\n".join(wrong)


def test_an_option_has_the_same_description_in_all_commands(commands: dict[str, str]) -> None:
    different: dict[str, set[str]] = defaultdict(set)
    assert {option for text in commands.values() for option in options(text)} > SAME.keys()
    for name, text in commands.items():
        for option, description in options(text).items():
            if option in SAME and (name, option) not in OTHERS and not description.startswith(SAME[option]):
                different[option].add(f"{name}: {description}")
    assert not different


def test_help_fits_its_terminal() -> None:
    for width in (WIDE, NARROW):
        for command, _ in reference.walk(setting("SQERN")):
            long = [line for line in reference.help_of(setting("SQERN"), command, width).splitlines() if len(line) > width]
            # Words and usages are not broken.
            kept = [line for line in long if width == NARROW and re.match(r"(Usage:|      ) sqern ", line) or " " not in line.strip()]
            assert long == kept, (width, command)


def test_each_example_is_on_one_line(commands: dict[str, str]) -> None:
    """An example can be copied from help text of the default width, because it is not broken."""
    broken = []
    for name, text in commands.items():
        group = re.search(r"^Examples?:\n((?:.+\n)+)", text, re.MULTILINE)
        lines = group[1].replace("\\\n", " ").splitlines() if group else []
        broken += [f"{name}: {line}" for line in lines if not re.match(r"  \S", line)]
    assert not broken, "\n".join(broken)


def test_help_contains_no_markup_of_source_code(commands: dict[str, str]) -> None:
    for name, text in commands.items():
        assert not re.search(r'\\"|`|\[default: \]', text), name
