"""Compares the recorded terminal session with the program, or rewrites it with SQERN_BLESS. Tests the drawing of terminals."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import terminal
from conftest import ROOT, setting

RECORDING = ROOT / "docs/pictures/terminal.svg"


def test_generated_recording_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts/record-terminal"), "--program", setting("SQERN"), "--output", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if os.environ.get("SQERN_BLESS"):
        RECORDING.write_text(done.stdout)
    assert RECORDING.read_text() == done.stdout, "docs/pictures/terminal.svg is outdated: make update-generated"


def test_colors_of_output_become_classes() -> None:
    (line,) = terminal.lines("\x1b[1m\x1b[31merror:\x1b[0m no kernel\n", 80)
    assert line.spans == [terminal.Span("error:", ("bold", "red")), terminal.Span(" no kernel")]


@pytest.mark.parametrize("output", ["\x1b[2J", "\x1b[95mtext"])
def test_unknown_escape_sequence_is_an_error(output: str) -> None:
    with pytest.raises(ValueError, match="unknown"):
        terminal.lines(output, 80)


def test_long_lines_are_broken_at_the_width_of_the_terminal() -> None:
    assert [line.length for line in terminal.lines("abcdefg\n\nab\n", 3)] == [3, 3, 1, 0, 2]


def test_picture_is_well_formed_and_contains_all_text() -> None:
    scenes = [terminal.Scene("echo '<a> & b'", "<a> & b\n"), terminal.Scene("true", "")]
    root = ElementTree.fromstring(terminal.draw(scenes, 80, "a & b", "<c>"))
    shown = [text.strip() for text in root.itertext() if text.strip()]
    assert shown[:2] == ["a & b", "<c>"]
    assert shown[3:] == ["$", "echo '<a> & b'", "<a> & b", "$", "true", "$"]
