"""Runs the blocks of each page on a new database."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest

import doc_blocks
import mirror
import reference
from conftest import ROOT, fresh_database, setting, sqern, write_service

DOCS = ROOT / "docs"
WRITTEN = [page for page in sorted(DOCS.rglob("*.md")) if not page.read_text().startswith(reference.NOTE)] + [ROOT / "python/README.md"]
PAGES = [page for page in WRITTEN if doc_blocks.steps(page.read_text())]
NAMES = [page.name for page in PAGES]
# This page starts without a database.
FROM_NOTHING = "tutorial.md"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_blocks_of_page_print_the_shown_output(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    if page.name == FROM_NOTHING:
        with short_folder() as folder:
            try:
                compare_or_update(page, page_results(text, tmp_path, None, folder))
            finally:
                subprocess.run([setting("SQERN"), "local", "destroy", "--yes", "--data-dir", f"{folder}/server"], capture_output=True)
        return
    with fresh_database() as dsn:
        compare_or_update(page, page_results(text, tmp_path, dsn, tmp_path))


def page_results(text: str, tmp_path: Path, dsn: Optional[str], server: Path) -> list[doc_blocks.Result]:
    """Runs a page. In the output, `…` replaces the temporary directory, which has another name in each run."""
    results = doc_blocks.run(text, *page_environment(tmp_path, dsn, server))
    return [replace(result, printed=result.printed.replace(str(tmp_path), "…")) for result in results]


def compare_or_update(page: Path, results: list[doc_blocks.Result]) -> None:
    """Compares the output with the page. With SQERN_BLESS=1, first renews the output of a page with a difference."""
    if os.environ.get("SQERN_BLESS"):
        page.write_text(doc_blocks.updated(page.read_text(), results))
        steps = doc_blocks.steps(page.read_text())
        results = [replace(result, step=step) for result, step in zip(results, steps)]
    doc_blocks.check(results)


@contextmanager
def short_folder() -> Iterator[Path]:
    """Creates a directory that any user can enter, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="sqern-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def page_environment(tmp_path: Path, dsn: Optional[str], server: Path) -> tuple[Path, dict[str, str]]:
    """Returns the working directory and the environment of a page.

    Without a `dsn` there is no database: `sqern local` creates one in `server`.
    """
    folder, programs, services = tmp_path / "repository", tmp_path / "bin", tmp_path / "pg_service.conf"
    folder.mkdir()
    programs.mkdir()
    shutil.copytree(ROOT / "sh", folder / "sh")
    mirror.write_mirror(tmp_path / "mirror")
    program(programs / "sqern", mirror.program(setting("SQERN"), tmp_path / "mirror", tmp_path / "store", server / "server", services))
    program(programs / "python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "TZ": "UTC", "PGTZ": "UTC"}
    env.update({"PGSERVICEFILE": str(services), "PGSERVICE": "sqern-local", "TMPDIR": str(tmp_path), "HOME": str(tmp_path)})
    if dsn is None:
        del env["PGSERVICE"]
    else:
        write_service(services, "sqern-local", dsn)
        sqern("init", "--dsn", dsn, env=env)
    return folder, env


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def page_error(text: str, tmp_path: Path) -> str:
    """Returns the error of a page, or an empty text."""
    try:
        doc_blocks.check(doc_blocks.run(text, tmp_path, os.environ))
    except doc_blocks.PageError as error:
        return str(error)
    return ""


def updated(page: str, tmp_path: Path) -> str:
    return doc_blocks.updated(page, doc_blocks.run(page, tmp_path, os.environ))


def test_output_that_differs_is_updated(tmp_path: Path) -> None:
    page = "```console\n$ echo a; date -u +%F\nb\n$ echo 1…2\n1…2\n$ echo c\nold\n```\n"
    after = "```console\n$ echo a; date -u +%F\na\n2026-05-04\n$ echo 1…2\n1…2\n$ echo c\nc\n```\n"
    assert updated(page, tmp_path) == after


def test_one_difference_renews_all_times_of_a_page(tmp_path: Path) -> None:
    page = """```console
$ echo '2026-05-04 10:00:00Z'
2026-05-04 09:00:00Z
$ echo 'at 2026-05-04 10:00:00Z: 7 rows, done'
at 2026-05-04 09:00:00Z: …, done
$ echo b
c
```
"""
    assert updated(page, tmp_path) == page.replace(" 09:", " 10:").replace("\nc\n", "\nb\n")


def test_shortened_line_is_kept_beside_a_changed_line(tmp_path: Path) -> None:
    page = "```console\n$ printf 'a 123\\nb\\n'\na …\nold\n```\n"
    assert updated(page, tmp_path) == page.replace("old", "b")


def test_page_without_a_difference_is_not_updated(tmp_path: Path) -> None:
    page = "```console\n$ echo 2026-05-04 10:00:00Z\n2026-05-04 09:00:00Z\n```\n"
    assert updated(page, tmp_path) == page


def test_update_of_repeated_output_changes_only_the_first_block(tmp_path: Path) -> None:
    page = "```console\n$ echo a\nb\n```\n\n<!-- prints the same -->\n```sh\necho a\n```\n\n```console\n$ echo b\nb\n```\n"
    after = page.replace("$ echo a\nb\n", "$ echo a\na\n")
    assert updated(page, tmp_path) == after


RIGHT = {
    "commands": "```console\n$ echo a\na\n$ echo b &&\n>   echo c\nb\nc\n$ true\n```\n",
    "state is kept": "```sh\nf() { echo from f; }\nx=1\n```\n\n```console\n$ f\nfrom f\n$ echo $x\n1\n```\n",
    "programs": '```python\nprint("it\'s `$x`\\n")\n```\n\n```text\nit\'s `$x`\n\n```\n',
    "anything": "```console\n$ echo 'at 12:00, done (really)'\nat …, done (really)\n```\n",
    "any time": "```console\n$ echo 'at 2031-12-24 23:59:59Z'\nat 2026-05-04 09:30:00Z\n```\n",
    "an expected failure": "```console\n$ (exit 3)\n$ echo $?\n3\n```\n",
    "not run": "<!-- not run: it fails -->\n```sh\nexit 1\n```\n",
    "output not shown": "<!-- output not shown -->\n```console\n$ echo a\n$ echo b\n```\n",
    "equal output": "```console\n$ echo a\na\n```\n\n<!-- prints the same -->\n```python\nprint('a')\n```\n",
    "a file": '<!-- file: a.json -->\n```json\n{"a": 1}\n```\n\n```console\n$ cat a.json\n{"a": 1}\n```\n',
    "data": "```csv\na,b\n```\n",
}
WRONG = {
    "other output": ("text\n\n```console\n$ echo a\nb\n```\n", "line 4: the page contains\nb\nbut the output is\na\n"),
    "more output": ("```console\n$ echo a; echo b\na\n```\n", "line 2: the page contains\na\nbut the output is\na\nb\n"),
    "output not shown": ("```sh\necho a\n```\n", "line 2: the page contains\nbut the output is\na\n"),
    "errors not shown": ("```sh\necho a >&2\n```\n", "line 2: the page contains\nbut the output is\na\n"),
    "missing output": ("```sh\ntrue\n```\n\n```text\na\n```\n", "line 2: the page contains\na\nbut the output is\n"),
    "failure": ("```console\n$ (exit 3)\n$ true\n```\n", "line 2: exit status 3 instead of 0\n"),
    "failure in python": ("```python\nraise SystemExit(4)\n```\n", "line 2: exit status 4 instead of 0\n"),
    "any text is no newline": ("```console\n$ echo a; echo b\n…\n```\n", "line 2: the page contains\n…\n"),
    "a different time": ("```console\n$ echo 2031-12-24 23:59:59Z\n2026-05-05 09:30:00Z\n```\n", "line 2: the page contains\n"),
    "an unknown kind": ("```rust\n```\n", "line 2: expected a block of sh, python, sql or console, or text after"),
    "different output": (
        "```console\n$ echo a\na\n```\n\n<!-- prints the same -->\n```sh\necho b\n```\n",
        "line 8: the page contains\na\nbut the output is\nb\n",
    ),
    "no output to compare": ("<!-- prints the same -->\n```sh\ntrue\n```\n", "line 3: expected one command after a command with output"),
    "a failure without shown output": ("<!-- output not shown -->\n```sh\nfalse\n```\n", "line 3: exit status 1 instead of 0"),
    "an unknown mark": ("<!-- skip -->\n```sh\nfalse\n```\n", "line 3: unknown mark <!-- skip -->"),
    "no kind": ("```\n```\n", "line 2: expected a block of "),
    "text after nothing": ("```text\na\n```\n", "line 2: expected a block of "),
    "no closing mark": ("```sh\ntrue\n", "a block has no closing ```"),
    "no command": ("```console\necho a\n```\n", "line 2: expected a command after `$ `, found 'echo a'"),
    "the end of the shell": ("```sh\nexit\n```\n\n```sh\ntrue\n```\n", "line 2: the shell ended before the next step"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_correct_page_passes(name: str, tmp_path: Path) -> None:
    assert page_error(RIGHT[name], tmp_path) == ""


@pytest.mark.parametrize("name", WRONG)
def test_wrong_page_is_reported_with_its_line(name: str, tmp_path: Path) -> None:
    text, message = WRONG[name]
    assert page_error(text, tmp_path).startswith(message)
