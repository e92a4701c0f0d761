"""Compares the generated pages with the program and the database, or rewrites them with SQERN_BLESS."""

from __future__ import annotations

import os

import reference
from conftest import ROOT, setting

DOCS = ROOT / "docs"


def test_generated_pages_are_current() -> None:
    pages = reference.generated(setting("SQERN"), setting("SQERN_TEST_DSN"), (DOCS / "SUMMARY.md").read_text())
    written = {path.relative_to(DOCS).as_posix() for path in (DOCS / "reference/commands").glob("*")}
    gone = {path for path in written if path not in pages}
    if os.environ.get("SQERN_BLESS"):
        (DOCS / "reference/commands").mkdir(exist_ok=True)
        for path, text in pages.items():
            (DOCS / path).write_text(text)
        for path in gone:
            (DOCS / path).unlink()
        return
    assert not gone, "pages of removed commands: make update-generated"
    for path, text in pages.items():
        assert (DOCS / path).exists() and (DOCS / path).read_text() == text, f"docs/{path} is outdated: make update-generated"
