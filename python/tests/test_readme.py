"""The README is correct: CI runs its commands in the same order, and its files exist."""

from __future__ import annotations

import re

import doc_blocks
from conftest import ROOT

README = (ROOT / "README.md").read_text()


def shown(kind: str) -> list[str]:
    """Returns the commands of the README's blocks of a kind, without comments."""
    blocks = [block.body for block in doc_blocks.blocks(README) if block.kind == kind]
    lines = [line for body in blocks for line in body.splitlines() if line.startswith("$ ")]
    return [re.sub(r"\s+#.*", "", line.removeprefix("$ ")) for line in lines]


def test_ci_runs_the_make_commands_of_the_readme_in_their_order() -> None:
    documented = [command for command in shown("console") if command.startswith("make ")]
    run = re.findall(r"^step (make \S+)$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert documented == ["make demo", "make test"]
    assert [command for command in run if command in documented] == documented


def test_the_readme_is_short_and_shows_two_reports_as_a_picture() -> None:
    assert len(README.splitlines()) <= 85
    pictures = re.findall(r"^!\[[^]]+\]\((\S+)\)$", README, re.MULTILINE)
    assert pictures == ["docs/pictures/terminal.svg"]
    text = (ROOT / pictures[0]).read_text()
    assert ">sqern report risk<" in text and ">sqern why 6.1.0-26-amd64<" in text


def test_every_make_target_of_the_readme_and_ci_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"\bmake ([a-z]+)", README + (ROOT / ".ci/run").read_text())
    assert set(named) <= targets, set(named) - targets
