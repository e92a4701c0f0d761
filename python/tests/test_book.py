"""Checks the documentation as a whole: the summary, the links, and the number of blocks that cannot be run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import doc_blocks
from conftest import ROOT, setting
from test_docs import DOCS, WRITTEN

PAGES = sorted(DOCS.rglob("*.md"))
SUMMARY = DOCS / "SUMMARY.md"
LINK = re.compile(r"(?<!\\)\]\(([^()\s]+)\)")
# Number of blocks that cannot be run, per page. Review each change.
NOT_RUN = {"backup.md": 1, "benchmarks.md": 8, "customers.md": 1, "monitoring.md": 1, "packages.md": 6, "release.md": 1, "shared-server.md": 4, "sources.md": 3, "upgrade.md": 1}


def prose(text: str) -> str:
    """Returns a page without blocks and inline code."""
    return re.sub(r"`[^`\n]*`", "code", doc_blocks.FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Returns the anchors of a page, as mdBook and GitHub generate them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.*)$", doc_blocks.FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        found.append("".join(letter for letter in plain.lower().replace(" ", "-") if letter.isalnum() or letter in "-_"))
    return set(found)


def test_each_page_is_in_the_summary_exactly_once() -> None:
    listed = LINK.findall(SUMMARY.read_text())
    expected = sorted(page.relative_to(DOCS).as_posix() for page in PAGES if page != SUMMARY)
    assert sorted(listed) == expected


def test_links_within_the_repository_are_valid() -> None:
    broken = []
    others = [*sorted(ROOT.glob("*.md")), ROOT / "python/README.md"]
    for page in PAGES + others:
        for link in LINK.findall(prose(page.read_text())):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            to = (page.parent / path).resolve() if path else page
            if not to.exists() or (anchor and anchor not in anchors(to.read_text())):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
            elif page in PAGES and DOCS not in to.parents:
                broken.append(f"{page.relative_to(ROOT)}: {link} is outside of docs/")
    assert not broken, "\n".join(broken)


def test_each_guarantee_names_an_existing_test() -> None:
    named = re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})` \|$", (DOCS / "security.md").read_text(), re.MULTILINE)
    source = "\n".join(path.read_text() for path in (ROOT / "crates").rglob("*.rs"))
    existing = set(re.findall(r"^ *(?:async )?fn ([a-z0-9_]+)\(", source, re.MULTILINE))
    assert len(named) >= 50, named
    assert not set(named) - existing


def test_number_of_blocks_that_are_not_run() -> None:
    count = Counter(page.name for page in WRITTEN for block in doc_blocks.blocks(page.read_text()) if block.not_run())
    assert dict(count) == NOT_RUN


def test_commands_that_are_not_run_are_valid() -> None:
    wrong = []
    for page in [*WRITTEN, ROOT / "README.md"]:
        for block in doc_blocks.blocks(page.read_text()):
            if block.kind in ("console", "sh") and (block.not_run() or page.name == "README.md"):
                wrong += [f"{page.name}: {line}\n{error}" for line in block.body.replace("\\\n", " ").splitlines() for error in refused(line)]
    assert not wrong, "\n".join(wrong)


def refused(line: str) -> list[str]:
    """Returns the errors of the program for the `sqern` commands in a line of shell."""
    errors = []
    arguments = shlex.split(line.removeprefix("$ "), comments=True)
    while "sqern" in arguments:
        arguments = arguments[arguments.index("sqern") + 1 :]
        ends = [number for number, argument in enumerate(arguments) if argument in ("|", "&&", "||", ">", "<") or argument.endswith(";")]
        command = arguments[: min(ends, default=len(arguments))]
        # psql interprets the arguments after `local psql`, including --help.
        if command[:2] == ["local", "psql"] or not command:
            continue
        command = [re.sub(r"^\$(\w+|\(uname -r\))$", "1", word) for word in command]
        done = subprocess.run([setting("SQERN"), *command, "--help"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            errors.append(done.stderr)
    return errors


def test_glossary_is_alphabetical() -> None:
    terms = re.findall(r"^\*\*([^*]+)\.\*\*", (DOCS / "reference/glossary.md").read_text(), re.MULTILINE)
    assert len(terms) > 50
    assert terms == sorted(terms, key=lambda term: term.split(",")[0].lower().replace("-", " "))


def test_lines_of_prose_fit_a_page() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted([*DOCS.glob("guides/*.md"), *DOCS.glob("concepts/*.md"), DOCS / "reference/glossary.md"])
        for number, line in enumerate(prose(path.read_text()).splitlines(), 1)
        if len(line) > 155 and not line.startswith("|")
    ]
    assert not long, long


PAGE = '<h1 id="top"></h1><a href="#top">1</a><a href="sub/other.html#there">2</a><a href="https://example.org/x">3</a><img src="a.svg">'


@pytest.mark.parametrize(
    ("page", "finding"),
    [
        (PAGE, ""),
        (PAGE.replace("#top", "#bottom"), "index.html:1: #bottom: anchor is missing"),
        (PAGE.replace("#there", "#here"), "index.html:1: sub/other.html#here: anchor is missing"),
        (PAGE.replace("a.svg", "../a.svg"), "index.html:1: ../a.svg: file is missing"),
    ],
)
def test_check_book_reports_links_without_target(page: str, finding: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/other.html").write_text('<h1 id="there"></h1><a href="../index.html">up</a>')
    for name, text in {"index.html": page, "a.svg": "", "searchindex.js": ""}.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run([sys.executable, str(ROOT / "scripts/check-book"), str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == ((1, f"check-book: {finding}\n") if finding else (0, ""))
