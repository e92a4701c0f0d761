"""What is generated in the book is what the program and the database say now; with SQERN_BLESS it is written anew."""

from __future__ import annotations

import os

import reference
from conftest import ROOT, setting

DOCS = ROOT / "docs"


def test_the_generated_pages_are_what_the_program_and_the_catalog_say() -> None:
    pages = reference.generated(setting("SQERN"), setting("SQERN_TEST_DSN"), (DOCS / "SUMMARY.md").read_text())
    written = {path.relative_to(DOCS).as_posix() for path in (DOCS / "commands").glob("*")}
    gone = {path for path in written if path not in pages}
    if os.environ.get("SQERN_BLESS"):
        (DOCS / "commands").mkdir(exist_ok=True)
        for path, text in pages.items():
            (DOCS / path).write_text(text)
        for path in gone:
            (DOCS / path).unlink()
        return
    assert not gone, "pages of removed commands: make update-generated"
    for path, text in pages.items():
        assert (DOCS / path).exists() and (DOCS / path).read_text() == text, f"docs/{path} is outdated: make update-generated"
