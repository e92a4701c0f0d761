"""Runs the fenced blocks of a page in order, and compares their output with the page.

All blocks of a page run in one shell:

    console  commands after `$ `, continued after `> `, each followed by its output
    sh       shell code
    python   a program for python3
    sql      a file for psql
    text     the output of the previous block
    csv, ini, json, toml   data, not run

A block without output must print none. `…` matches any text within a line. A time of the day 2026-05-04 matches any time.
A command must succeed, unless `echo $?` follows it.

A comment in the line before a block changes this:

    <!-- not run: REASON -->     not run; its `sqern` commands must still be valid
    <!-- output not shown -->    the page omits the output
    <!-- prints the same -->     the output equals that of the previous command or program
    <!-- file: NAME -->          the block is written to a file of that name

`<!-- on 2025-05-15 -->` in its own line sets the time of all previous changes to that day.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

FENCE = re.compile(r"^(?:<!-- (?P<mark>[^\n]+) -->\n)?```(?P<kind>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
DAY = re.compile(r"^<!-- on (?P<day>\d{4}-\d\d-\d\d) -->$", re.MULTILINE)
DATA = ("csv", "ini", "json", "toml")
TO_DAY = """psql --no-psqlrc --quiet --set=ON_ERROR_STOP=on <<'end of block'
SET session_replication_role = replica;
UPDATE event SET tstamp = '{0}'::timestamptz + generation * interval '1 minute' WHERE tstamp > '{0}'::timestamptz + interval '1 day';
UPDATE generation SET tstamp = '{0}'::timestamptz + id * interval '1 minute' WHERE tstamp > '{0}'::timestamptz + interval '1 day';
UPDATE generation_commit SET committed_at = '{0}'::timestamptz + generation * interval '1 minute' WHERE committed_at > '{0}'::timestamptz + interval '1 day';
end of block
"""
SHOWN_DAY = "2026-05-04"
SHOWN_TIME = re.compile(SHOWN_DAY + r" \d\d:\d\d:\d\d")
TIME = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
RUNNERS = {
    "sh": "{}",
    "python": "cat >block.py <<'end of block'\n{}end of block\npython3 block.py",
    "sql": "cat >block.sql <<'end of block'\n{}end of block\npsql --no-psqlrc --set=ON_ERROR_STOP=on --file=block.sql",
}


def pattern(output: str) -> str:
    """Returns the regular expression of an output: `…` matches any text within a line, and a group matches each time."""
    passages = [".*".join(map(re.escape, passage.split("…"))) for passage in SHOWN_TIME.split(output)]
    return TIME.join(passages)


class PageError(AssertionError):
    """Reports a difference between a page and the output of its commands."""


@dataclass(frozen=True)
class Step:
    """Shell code with its expected output."""

    line: int
    code: str
    output: Optional[str] = ""  # None: any output
    is_copy: bool = False  # the output is that of the previous step, and is shown there

    def matches(self, printed: str) -> bool:
        if self.output is None:
            return True
        return re.fullmatch(pattern(self.output), printed) is not None

    def asks_status(self) -> bool:
        return self.code.strip() == "echo $?"


@dataclass(frozen=True)
class Result:
    """Exit status and output of a step."""

    step: Step
    status: int
    printed: str


@dataclass(frozen=True)
class Block:
    """A fenced block with the mark before it, its kind, and the line of its first text."""

    mark: str
    kind: str
    body: str
    line: int

    def not_run(self) -> bool:
        return self.mark.startswith("not run: ")


def blocks(text: str) -> list[Block]:
    """Returns all blocks of a page, including those that are not run."""
    return [
        Block(match["mark"] or "", match["kind"], match["body"], text.count("\n", 0, match.start("kind")) + 2)
        for match in FENCE.finditer(text)
    ]


def steps(text: str) -> list[Step]:
    """Returns the steps of a page. Raises `PageError` for a block of an unknown kind."""
    found: list[Step] = []
    days = [(text.count("\n", 0, match.start()) + 1, match["day"]) for match in DAY.finditer(text)]
    for block in blocks(text):
        while days and days[0][0] < block.line:
            found.append(Step(days[0][0], TO_DAY.format(days[0][1])))
            del days[0]
        found = with_block(found, block)
    if text.count("\n```") + text.startswith("```") != 2 * len(FENCE.findall(text)):
        raise PageError("a block has no closing ``` at the start of a line")
    return found


def with_block(found: list[Step], block: Block) -> list[Step]:
    """Returns the steps with those of a block appended."""
    line, kind, body = block.line, block.kind, block.body
    new: list[Step] = []
    if kind not in (*RUNNERS, *DATA, "console", "text"):
        kinds = ", ".join(RUNNERS)
        raise PageError(f"line {line}: expected a block of {kinds} or console, or text after one, found {kind or 'none'}")
    if block.not_run():
        return found
    if block.mark.startswith("file: "):
        new = [Step(line, f"cat >{block.mark[6:]} <<'end of block'\n{body}end of block")]
    elif kind in DATA:
        return found
    elif kind == "console":
        new = list(console_steps(line, body))
    elif kind in RUNNERS:
        new = [Step(line, RUNNERS[kind].format(body))]
    elif found and not found[-1].output:
        return [*found[:-1], replace(found[-1], output=body)]
    else:
        raise PageError(f"line {line}: expected a block of {', '.join(RUNNERS)} or console, or text after one, found {kind}")
    if block.mark == "output not shown":
        new = [replace(step, output=None) for step in new]
    elif block.mark == "prints the same":
        if not (found and found[-1].output and len(new) == 1):
            raise PageError(f"line {line}: expected one command after a command with output, found {len(new)} after {found[-1:]}")
        new = [replace(new[0], output=found[-1].output, is_copy=True)]
    elif block.mark and not block.mark.startswith("file: ") and not DAY.fullmatch(f"<!-- {block.mark} -->"):
        raise PageError(f"line {line}: unknown mark <!-- {block.mark} -->")
    return found + new


def console_steps(line: int, body: str) -> Iterator[Step]:
    step: Optional[Step] = None
    for number, text in enumerate(body.splitlines(), line):
        if text.startswith("$ "):
            if step:
                yield step
            step = Step(number, text[2:] + "\n")
        elif step is None:
            raise PageError(f"line {number}: expected a command after `$ `, found {text!r}")
        elif text.startswith("> ") and not step.output:
            step = replace(step, code=f"{step.code}{text[2:]}\n")
        else:
            step = replace(step, output=f"{step.output or ''}{text}\n")
    if step:
        yield step


def run(text: str, folder: Path, env: Mapping[str, str]) -> list[Result]:
    """Runs the steps of a page in one shell, in `folder`."""
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
            raise PageError(f"line {step.line}: the shell ended before the next step")
        done.append(Result(step, int(status.read_text()), (results / f"{number}.out").read_text()))
    return done


def check(results: list[Result]) -> None:
    """Raises `PageError` for the first step that failed or printed different output."""
    for number, result in enumerate(results):
        step = result.step
        may_fail = number + 1 < len(results) and results[number + 1].step.asks_status()
        if result.status != 0 and not may_fail:
            raise PageError(f"line {step.line}: exit status {result.status} instead of 0\n{step.code}\n{result.printed}")
        if not step.matches(result.printed):
            raise PageError(f"line {step.line}: the page contains\n{step.output or ''}but the output is\n{result.printed}")


def updated(text: str, results: list[Result]) -> str:
    """Returns the page with the printed output of every step, so that the page shows one session. Times get the day of the pages.

    A page without a difference is returned unchanged. In a line with `…` that matches, only the times are replaced.
    """
    if all(result.step.matches(result.printed) for result in results):
        return text
    for result in reversed(results):
        step = result.step
        if not step.output or step.is_copy:
            continue
        lines = text.splitlines(keepends=True)
        before, after = "".join(lines[: step.line - 1]), "".join(lines[step.line - 1 :])
        text = before + after.replace(f"\n{step.output}", f"\n{renewed(step.output, result.printed)}", 1)
    return text


def renewed(output: str, printed: str) -> str:
    """Returns the printed output. Lines with `…` that match a printed line are kept, with the printed times."""
    shortened = [line for line in output.splitlines(keepends=True) if "…" in line]
    return "".join(renewed_line(shortened, line) for line in printed.splitlines(keepends=True))


def renewed_line(shortened: list[str], printed: str) -> str:
    for line in shortened:
        found = re.fullmatch(pattern(line), printed)
        if found:
            times = iter(found.groups())
            return SHOWN_TIME.sub(lambda _: on_shown_day(next(times)), line)
    return on_shown_day(printed)


def on_shown_day(printed: str) -> str:
    """Returns output whose times of today have the day of the pages."""
    today = datetime.now(timezone.utc).date().isoformat()
    return printed.replace(today, SHOWN_DAY)
