"""What the pages show is what happens, on a new database and block by block."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import doc_blocks
from conftest import ROOT, fresh_database, setting, sqern, write_service

PAGES = ["docs/psql.md", "docs/python.md", "docs/shell.md", "python/README.md"]


@pytest.mark.parametrize("page", PAGES)
def test_a_reader_who_types_what_the_page_shows_sees_what_it_shows(page: str, tmp_path: Path) -> None:
    with fresh_database() as dsn:
        folder, env = world(tmp_path, dsn)
        doc_blocks.check(doc_blocks.run((ROOT / page).read_text(), folder, env))


def world(tmp_path: Path, dsn: str) -> tuple[Path, dict[str, str]]:
    """A folder as the repository's root is to a reader, and his environment, as README.md brings him there."""
    folder, programs = tmp_path / "repository", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    shutil.copytree(ROOT / "sh", folder / "sh")
    (programs / "sqern").symlink_to(setting("SQERN"))
    (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python3").chmod(0o755)
    write_service(tmp_path / "pg_service.conf", "sqern-local", dsn)
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PGTZ": "UTC"}
    env.update({"PGSERVICEFILE": str(tmp_path / "pg_service.conf"), "PGSERVICE": "sqern-local", "TMPDIR": str(tmp_path)})
    sqern("distro", "import", env=env)
    return folder, env


def told(text: str, tmp_path: Path) -> str:
    """What is wrong with a page; nothing when it is right."""
    try:
        doc_blocks.check(doc_blocks.run(text, tmp_path, os.environ))
    except doc_blocks.PageError as error:
        return str(error)
    return ""


RIGHT = {
    "commands": "```console\n$ echo a\na\n$ echo b &&\n>   echo c\nb\nc\n$ true\n```\n",
    "state goes on": "```sh\nf() { echo from f; }\nx=1\n```\n\n```console\n$ f\nfrom f\n$ echo $x\n1\n```\n",
    "programs": '```python\nprint("it\'s `$x`\\n")\n```\n\n```text\nit\'s `$x`\n\n```\n',
    "anything": "```console\n$ echo 'at 12:00, done (really)'\nat …, done (really)\n```\n",
    "a shown failure": "```console\n$ (exit 3)\n$ echo $?\n3\n```\n",
}
WRONG = {
    "other output": ("text\n\n```console\n$ echo a\nb\n```\n", "line 4: the page shows\nb\nbut it prints\na\n"),
    "more output": ("```console\n$ echo a; echo b\na\n```\n", "line 2: the page shows\na\nbut it prints\na\nb\n"),
    "output not shown": ("```sh\necho a\n```\n", "line 2: the page shows\nbut it prints\na\n"),
    "errors not shown": ("```sh\necho a >&2\n```\n", "line 2: the page shows\nbut it prints\na\n"),
    "shown, not there": ("```sh\ntrue\n```\n\n```text\na\n```\n", "line 2: the page shows\na\nbut it prints\n"),
    "failure": ("```console\n$ (exit 3)\n$ true\n```\n", "line 2: expected success, got status 3\n"),
    "failure in python": ("```python\nraise SystemExit(4)\n```\n", "line 2: expected success, got status 4\n"),
    "any text is no newline": ("```console\n$ echo a; echo b\n…\n```\n", "line 2: the page shows\n…\n"),
    "a kind that is not run": ("```rust\n```\n", "line 2: expected a block of sh, python, sql, console, or text after"),
    "no kind": ("```\n```\n", "line 2: expected a block of "),
    "text after nothing": ("```text\na\n```\n", "line 2: expected a block of "),
    "no end": ("```sh\ntrue\n", "expected that each ``` has its end"),
    "no command": ("```console\necho a\n```\n", "line 2: expected a command after `$ `, got 'echo a'"),
    "the end of the shell": ("```sh\nexit\n```\n\n```sh\ntrue\n```\n", "line 2: expected that it ends and the next can run"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_page_that_is_right_passes(name: str, tmp_path: Path) -> None:
    assert told(RIGHT[name], tmp_path) == ""


@pytest.mark.parametrize("name", WRONG)
def test_a_page_that_is_wrong_is_told_by_its_line(name: str, tmp_path: Path) -> None:
    text, message = WRONG[name]
    assert told(text, tmp_path).startswith(message)


@pytest.mark.parametrize("page", PAGES)
def test_each_page_has_something_to_run(page: str) -> None:
    assert doc_blocks.steps((ROOT / page).read_text())
