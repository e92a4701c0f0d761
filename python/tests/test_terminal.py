"""Output on a terminal: words in narrow tables are not broken, and NO_COLOR disables colors."""

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
    """Returns the output of the program on a terminal with this number of columns."""
    controller, terminal = pty.openpty()
    settings = {"TERM": "xterm", "NO_COLOR": "", **env}
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen([setting("SQERN"), *args], stdin=terminal, stdout=terminal, stderr=terminal, env={**os.environ, **settings}):
        os.close(terminal)
        shown = b""
        while True:
            try:
                piece = os.read(controller, 65536)
            except OSError:  # Linux reports the end of a terminal as an error
                break
            if not piece:
                break
            shown += piece
    os.close(controller)
    return shown.decode().replace("\r\n", "\n")


def without_color(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def test_a_narrow_table_does_not_break_headings_and_short_words(database: Database) -> None:
    database.run("INSERT INTO kver (distro, version) VALUES ('alma8', '4.18.0-553.el8_10.x86_64')")
    shown = on_terminal(80, "report", "coverage", "--kernels", "--dsn", database.dsn)
    heading, first, *_ = shown.splitlines()
    assert heading.split() == ["DISTRO", "VERSION", "STAGE", "MISSING", "SINCE", "RUNNING", "INSTALLED"]
    assert max(map(len, without_color(shown).splitlines())) <= 80
    assert first.startswith("alma8   4.18.0-553.el8_10.x86_64  known") and "not seen" in first, shown
    wide = on_terminal(130, "report", "coverage", "--kernels", "--dsn", database.dsn)
    assert "alma8   4.18.0-553.el8_10.x86_64" in wide


def test_no_color_disables_colors(database: Database) -> None:
    for args in (("kver", "lst"), ("kver", "list", "--distro", "nope", "--dsn", database.dsn)):
        assert "\x1b[" in on_terminal(80, *args)
        assert "\x1b[" not in on_terminal(80, *args, NO_COLOR="1")


def test_a_misspelled_argument_is_reported_with_a_suggestion(database: Database) -> None:
    for args, suggestion in {
        ("kver", "lst"): "list",
        ("kver", "list", "--dstro", "alma8"): "--distro",
        ("kver", "list", "--distro", "debain12"): "Did you mean debian12?",
        ("source", "list", "--distro", "debain12"): "Did you mean debian12",
        ("store", "list", "--distro", "debain12"): "Did you mean debian12?",
        ("event", "list", "--table", "kevr"): "Did you mean kver",
        ("event", "list", "--distro", "debain12"): "Did you mean debian12?",
    }.items():
        shown = on_terminal(100, *args, "--dsn", database.dsn)
        assert "error:" in shown and suggestion in shown, (args, shown)
