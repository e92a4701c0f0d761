"""Runs the fenced blocks of a page in their order, and compares what they print with what the page shows.

A reader types one block after the other into one shell, so that is what happens here:

    console  commands after `$ `, continued after `> `; what each prints follows it
    sh       a part of a shell program
    python   a program, for python3
    sql      a file, for psql
    text     what the block before prints

What shows no output must print none. `…` stands for any text within a line. A command must succeed, unless `echo $?` follows it.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNNERS = {
    "sh": "{}",
    "python": "cat >block.py <<'end of block'\n{}end of block\npython3 block.py",
    "sql": "cat >block.sql <<'end of block'\n{}end of block\npsql --no-psqlrc --set=ON_ERROR_STOP=on --file=block.sql",
}


class PageError(AssertionError):
    """A page that shows what is not so: where, what it shows, and what came of it."""


@dataclass(frozen=True)
class Step:
    """A piece of shell to run, and what it is to print."""

    line: int
    code: str
    output: str = ""

    def matches(self, printed: str) -> bool:
        return re.fullmatch(".*".join(map(re.escape, self.output.split("…"))), printed) is not None

    def asks_status(self) -> bool:
        return self.code.strip() == "echo $?"


@dataclass(frozen=True)
class Result:
    """What came of a step."""

    step: Step
    status: int
    printed: str


def steps(text: str) -> list[Step]:
    """The steps of a page. Raises `PageError` for a block of a kind that nobody would run."""
    found: list[Step] = []
    for match in FENCE.finditer(text):
        kind, body = match.groups()
        line = text.count("\n", 0, match.start()) + 2
        if kind == "console":
            found += console_steps(line, body)
        elif kind in RUNNERS:
            found.append(Step(line, RUNNERS[kind].format(body)))
        elif kind == "text" and found and not found[-1].output:
            found[-1] = replace(found[-1], output=body)
        else:
            kinds = ", ".join(RUNNERS)
            raise PageError(f"line {line}: expected a block of {kinds}, console, or text after one, got {kind or 'none'}")
    if text.count("\n```") + text.startswith("```") != 2 * len(FENCE.findall(text)):
        raise PageError("expected that each ``` has its end, at the beginning of a line; got one that has not")
    return found


def console_steps(line: int, body: str) -> Iterator[Step]:
    step: Optional[Step] = None
    for number, text in enumerate(body.splitlines(), line):
        if text.startswith("$ "):
            if step:
                yield step
            step = Step(number, text[2:] + "\n")
        elif step is None:
            raise PageError(f"line {number}: expected a command after `$ `, got {text!r}")
        elif text.startswith("> ") and not step.output:
            step = replace(step, code=f"{step.code}{text[2:]}\n")
        else:
            step = replace(step, output=f"{step.output}{text}\n")
    if step:
        yield step


def run(text: str, folder: Path, env: Mapping[str, str]) -> list[Result]:
    """Runs a page's steps in one shell, in `folder`."""
    results = folder / ".results"
    results.mkdir()
    todo = steps(text)
    script = "".join(
        f"{{\n{step.code}\n}} >{results}/{number}.out 2>&1\n"
        f"status_=$?; echo $status_ >{results}/{number}.status; (exit $status_)\n"
        for number, step in enumerate(todo)
    )
    (results / "script").write_text(script)
    subprocess.run(["sh", str(results / "script")], cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, check=False)
    done = []
    for number, step in enumerate(todo):
        status = results / f"{number}.status"
        if not status.exists():
            raise PageError(f"line {step.line}: expected that it ends and the next can run, got the end of the shell")
        done.append(Result(step, int(status.read_text()), (results / f"{number}.out").read_text()))
    return done


def check(results: list[Result]) -> None:
    """Raises `PageError` for the first step that failed or printed something else."""
    for number, result in enumerate(results):
        step = result.step
        may_fail = number + 1 < len(results) and results[number + 1].step.asks_status()
        if result.status != 0 and not may_fail:
            raise PageError(f"line {step.line}: expected success, got status {result.status}\n{step.code}\n{result.printed}")
        if not step.matches(result.printed):
            raise PageError(f"line {step.line}: the page shows\n{step.output}but it prints\n{result.printed}")
