"""Tests of `sh/sqern.sh` in every installed shell, with psql and a real server."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT, Database

LIBRARY = ROOT / "sh" / "sqern.sh"
# sh and bash are required, and other installed shells are added. On Debian, sh is dash.
SHELLS = [["sh"], ["bash"], *([shell] for shell in ("dash", "ksh", "mksh") if shutil.which(shell))]
SHELLS += [["busybox", "sh"]] if shutil.which("busybox") else []
SHELLS = [shell for shell in SHELLS if shell != ["dash"] or Path("/bin/sh").resolve().name != "dash"]

VALUES = [
    *(chr(code) for code in range(1, 128)),
    *(f"a{chr(code)}b" for code in range(1, 128)),
    "".join(map(chr, range(1, 128))),
    "", " ", "'", "''", "o'clock", "'; DROP TABLE kver; --", "\\", "\\\\", "\\'", "'\\", "E'", "\\.", "\\N", "\\n", "\\t", "$$",
    "\n", "\n\n", "a\n", "a\n\n", "\na", "a\nb'\nc\\\n", "\r", "\r\n", "a\r\n", "\t", "\t\t", " a ", "*", "?", "[a]", "~",
    "-n", "-e", "--", "-c", "$x$",
    "%s", "%", "${HOME}", "`id`", ":name", ":'name'", "&", "\\&", "x\\0y", "!", "#",
    "ü", "日本語", "😀", "é'\\\n", "\u0080", "\u00a0", "\ufeff", "\u2028",
    # UTF-8 with bytes that some shells use internally.
    *(chr(code) for code in range(0x400, 0x480)), "".join(map(chr, range(0x80, 0x800))),
]


@pytest.fixture(params=SHELLS, ids=[shell[0] for shell in SHELLS])
def shell(request: pytest.FixtureRequest) -> list[str]:
    found: list[str] = request.param
    return found


def run(shell: list[str], script: str, *args: str | bytes, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Runs a script after the library with `set -eu` and arguments."""
    command = [*shell, "-c", f'set -eu; . "{LIBRARY}"\n{script}', shell[0], *args]
    return subprocess.run(command, capture_output=True, check=False, env={**os.environ, **env}, stdin=subprocess.DEVNULL)


def printed(shell: list[str], script: str, *args: str | bytes, **env: str) -> bytes:
    done = run(shell, script, *args, **env)
    assert (done.returncode, done.stderr) == (0, b""), (done.returncode, done.stderr, done.stdout[-500:])
    return done.stdout


def in_hex(values: list[str]) -> list[str]:
    return [value.encode().hex() for value in values]


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
@pytest.mark.parametrize("conforming", ["on", "off"])
def test_quoted_values_are_unchanged_on_the_server(
    shell: list[str], conforming: str, locale: str, by_service: Database, tmp_path: Path
) -> None:
    script = """
    file=$1; shift
    for value; do
      quoted=$(sql_quote "$value")
      printf '%s\\n' "SELECT encode(convert_to($quoted, 'UTF8'), 'hex');"
    done >"$file"
    sqern_query -f "$file"
    """
    settings = {"LC_ALL": locale, "PGSERVICE": "sqern-test", "PGCLIENTENCODING": "UTF8"}
    settings["PGOPTIONS"] = f"-c standard_conforming_strings={conforming} -c escape_string_warning=off"
    out = printed(shell, script, str(tmp_path / "queries.sql"), *VALUES, **settings)
    assert out.decode().split("\n")[:-1] == in_hex(VALUES)


def test_a_quoted_value_can_be_a_part_of_an_argument(shell: list[str], by_service: Database) -> None:
    everything = "".join(VALUES)
    script = """
    sqern_query -c "SELECT'x'WHERE$(sql_quote "$1")=$(sql_quote "$1")" \\
      -c "SELECT encode(convert_to($(sql_quote "$1"), 'UTF8'), 'hex')"
    """
    assert printed(shell, script, everything, PGSERVICE="sqern-test").decode() == f"x\n{everything.encode().hex()}\n"


@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_copied_values_are_unchanged_on_the_server(
    shell: list[str], locale: str, by_service: Database, tmp_path: Path
) -> None:
    script = """
    file=$1; shift
    { echo 'CREATE TEMPORARY TABLE t (id serial, first text, second text);'
      echo 'COPY t (first, second) FROM STDIN;'
      for value; do sqern_copy_row "$value" "<$value>"; done
      printf '%s\\n' '\\.'
      echo "SELECT encode(convert_to(first, 'UTF8'), 'hex'), encode(convert_to(second, 'UTF8'), 'hex') FROM t ORDER BY id;"
    } >"$file"
    sqern_psql -At -f "$file"
    """
    out = printed(shell, script, str(tmp_path / "copy.sql"), *VALUES, LC_ALL=locale, PGSERVICE="sqern-test")
    expected = [f"{first}|{second}" for first, second in zip(in_hex(VALUES), in_hex([f"<{value}>" for value in VALUES]))]
    assert out.decode().split("\n")[:-1] == expected


def test_every_value_can_be_the_only_value_of_a_row(shell: list[str], by_service: Database, tmp_path: Path) -> None:
    script = """
    file=$1; shift
    for value; do sqern_copy_row "$value"; done >"$file"
    sqern_psql -At -c 'CREATE TEMPORARY TABLE t (id serial, v text)' -c 'COPY t (v) FROM STDIN' \\
      -c "SELECT encode(convert_to(v, 'UTF8'), 'hex') FROM t ORDER BY id" <"$file"
    """
    out = printed(shell, script, str(tmp_path / "rows"), *VALUES, PGSERVICE="sqern-test")
    assert out.decode().split("\n")[:-1] == in_hex(VALUES)


def test_random_bytes_are_escaped_in_all_locales(shell: list[str]) -> None:
    chance = random.Random(20260501)
    alphabet = bytes(range(1, 256)) + b"'\\\n\t\r" * 40
    values = [bytes(chance.choices(alphabet, k=chance.randint(0, 40))) for _ in range(300)]
    specials = (b"'", b"\\", b"\n", b"\t", b"\r", b"a")
    values += [bytes(chance.choices(b"a\xc3\xa9\xff", k=3)) + special for special in specials * 20]
    for locale in ("C", "C.UTF-8"):
        quoted = printed(shell, 'for value; do sql_quote "$value"; printf "\\n--\\n"; done', *values, LC_ALL=locale)
        assert quoted.split(b"\n--\n") == [*map(as_literal, values), b""]
        copied = printed(shell, 'for value; do sqern_copy_row "$value" x; done', *values, LC_ALL=locale)
        assert copied.split(b"\tx\n") == [*map(as_copied, values), b""]


def as_literal(value: bytes) -> bytes:
    text = b"'" + value.replace(b"'", b"''") + b"'"
    return b" E" + text.replace(b"\\", b"\\\\") if b"\\" in value else text


def as_copied(value: bytes) -> bytes:
    return value.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\r", b"\\r")


def test_copy_can_read_empty_values_as_null(shell: list[str], by_service: Database, tmp_path: Path) -> None:
    script = """
    sqern_copy_row "alma8" "4.18.0-%" "" >"$1"
    sqern_change 'a pattern' -c "COPY kver_ignore (distro, pattern, comment) FROM STDIN (NULL '')" <"$1"
    """
    printed(shell, script, str(tmp_path / "rows"), PGSERVICE="sqern-test")
    assert by_service.rows("SELECT distro, pattern, comment FROM kver_ignore") == [("alma8", "4.18.0-%", None)]


ADD = """-c "INSERT INTO kver (distro, version) VALUES ('alma8', '4.18.0-1') ON CONFLICT DO NOTHING" """


def test_a_change_is_one_generation_with_its_comment(shell: list[str], database: Database) -> None:
    comment = "it's \\ a\nchange; $$ -- \"?"
    script = """
    sqern_change "$1" -d "$2" -c "INSERT INTO kver VALUES ('alma8', '1') RETURNING version" \\
      -c "INSERT INTO kver VALUES ('alma8', '2')"
    """
    assert printed(shell, script, comment, database.dsn) == b"1\n", "only the output of the commands is printed"
    assert database.generations() == [comment]
    assert database.rows("SELECT count(DISTINCT generation) FROM event WHERE table_name = 'kver'") == [(1,)]


def test_a_call_without_changes_leaves_no_generation(shell: list[str], by_service: Database) -> None:
    for _ in range(2):
        assert printed(shell, f"sqern_change 'a kernel' {ADD}", PGSERVICE="sqern-test") == b""
    assert by_service.generations() == ["a kernel"]


def test_the_first_error_rolls_back_all_changes_and_is_the_exit_status(shell: list[str], by_service: Database, tmp_path: Path) -> None:
    file = tmp_path / "bad.sql"
    file.write_text("INSERT INTO kver VALUES ('alma8', '2');\nSELECT 1 / 0;\nINSERT INTO kver VALUES ('alma8', '3');\n")
    for query, status in ((f"{ADD} -c 'SELECT 1 / 0' {ADD}", 1), (f"{ADD} -f '{file}'", 3)):
        done = run(shell, f"sqern_change 'a kernel' {query}; echo continued", PGSERVICE="sqern-test")
        assert (done.returncode, done.stdout) == (status, b"")
        assert b"division by zero" in done.stderr
    assert by_service.rows("SELECT * FROM kver") == []
    assert by_service.generations() == []


def test_a_query_cannot_change_data(shell: list[str], by_service: Database) -> None:
    done = run(shell, f"sqern_query {ADD}", PGSERVICE="sqern-test")
    assert (done.returncode, b"cannot execute INSERT in a read-only transaction" in done.stderr) == (1, True)
    assert by_service.rows("SELECT * FROM kver") == []


def test_a_query_prints_lines_with_tabs_by_default(shell: list[str], by_service: Database) -> None:
    query = """-c "SELECT name, supported FROM distro ORDER BY name" """
    assert printed(shell, f"sqern_query {query}", PGSERVICE="sqern-test") == b"alma8\tt\ndebian12\tt\n"
    assert printed(shell, f"sqern_query -F ' ' {query}", PGSERVICE="sqern-test") == b"alma8 t\ndebian12 t\n"
    assert printed(shell, f"sqern_query --csv {query}", PGSERVICE="sqern-test") == b"alma8,t\ndebian12,t\n"


def test_psqlrc_is_not_read(shell: list[str], by_service: Database, tmp_path: Path) -> None:
    (tmp_path / ".psqlrc").write_text("\\echo from psqlrc\n\\set ON_ERROR_STOP off\n")
    assert printed(shell, "sqern_query -c 'SELECT 1'", PGSERVICE="sqern-test", HOME=str(tmp_path)) == b"1\n"


def test_a_call_without_a_command_is_rejected(shell: list[str], by_service: Database) -> None:
    for function in ("sqern_psql", "sqern_query", "sqern_change 'a kernel'"):
        done = run(shell, f"echo 'SELECT 1' | {function} -At --csv", PGSERVICE="sqern-test")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b": no command specified; use -c 'SQL', -f FILE, or -f - for standard input" in done.stderr
    for command in ("-Atc 'SELECT 1'", "-c'SELECT 1'", "--command='SELECT 1'", "-Atf -", "-f-", "--file=-"):
        assert printed(shell, f"echo 'SELECT 1' | sqern_psql -At {command}", PGSERVICE="sqern-test") == b"1\n"


def test_a_usage_error_prints_the_usage(shell: list[str]) -> None:
    for call, hint in (
        ("sql_quote", b'expected 1 argument, found 0; usage: sql_quote "$value"'),
        ("sql_quote a b", b"expected 1 argument, found 2; "),
        ("sqern_copy_row", b'no values specified; usage: sqern_copy_row "$distro" "$version"'),
        ("sqern_change", b"no comment specified; usage: sqern_change 'reason' -c 'UPDATE "),
    ):
        done = run(shell, call)
        assert (done.returncode, hint in done.stderr) == (2, True), done.stderr


def test_a_blank_comment_is_rejected(shell: list[str], by_service: Database) -> None:
    done = run(shell, f"sqern_change ' ' {ADD}", PGSERVICE="sqern-test")
    assert (done.returncode, b"generation comment must not be empty" in done.stderr) == (1, True)
    assert by_service.rows("SELECT * FROM kver") == []
