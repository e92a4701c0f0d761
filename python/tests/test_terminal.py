"""What a terminal shows: whole words in narrow tables, and colour only where it is welcome."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

from conftest import Database, setting


def on_terminal(columns: int, *args: str, **env: str) -> str:
    """What the program shows on a terminal of so many columns."""
    ours, its = pty.openpty()
    settings = {"TERM": "xterm", "NO_COLOR": "", **env}
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen([setting("SQERN"), *args], stdin=its, stdout=its, stderr=its, env={**os.environ, **settings}):
        os.close(its)
        shown = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # as Linux tells the end
                break
            if not piece:
                break
            shown += piece
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def without_color(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_narrow_table_breaks_no_heading_and_no_short_word(database: Database) -> None:
    database.run("INSERT INTO kver (distro, version) VALUES ('alma8', '4.18.0-553.el8_10.x86_64')")
    shown = on_terminal(80, "report", "coverage", "--kernels", "--dsn", database.dsn)
    heading, first, *_ = shown.splitlines()
    assert heading.split() == ["DISTRO", "VERSION", "STAGE", "MISSING", "SINCE", "RUNNING", "INSTALLED"]
    assert max(map(len, without_color(shown).splitlines())) <= 80
    assert first.startswith("alma8   4.18.0-553.el8_10.x86_64  known") and "not seen" in first, shown
    wide = on_terminal(130, "report", "coverage", "--kernels", "--dsn", database.dsn)
    assert "alma8   4.18.0-553.el8_10.x86_64" in wide


def test_colour_is_left_out_where_it_is_not_welcome(database: Database) -> None:
    for args in (("kver", "lst"), ("kver", "list", "--distro", "nope", "--dsn", database.dsn)):
        assert "\x1b[" in on_terminal(80, *args)
        assert "\x1b[" not in on_terminal(80, *args, NO_COLOR="1")


def test_a_mistyped_word_is_answered_with_what_may_have_been_meant(database: Database) -> None:
    for args, meant in {
        ("kver", "lst"): "list",
        ("kver", "list", "--dstro", "alma8"): "--distro",
        ("kver", "list", "--distro", "debain12"): "Did you mean debian12?",
        ("source", "list", "--distro", "debain12"): "Did you mean debian12",
        ("store", "list", "--distro", "debain12"): "Did you mean debian12?",
        ("event", "list", "--table", "kevr"): "Did you mean kver",
        ("event", "list", "--distro", "debain12"): "Did you mean debian12?",
    }.items():
        shown = on_terminal(100, *args, "--dsn", database.dsn)
        assert "error:" in shown and meant in shown, (args, shown)
