"""scripts/check-language finds the phrases of its rules in each kind of text, and enforces the ratchet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import ROOT

CHECK = str(ROOT / "scripts" / "check-language")
RUST = '''//! Tells all.

/// Arguments
#[derive(Debug, clap::Args)]
struct Arguments {
    /// Whichever comes
    name: String,
}

fn fail() -> String {
    format!("a message that can't be right")
}

#[test]
fn it_is_told() {}
'''
SQL = """-- Gives a row.
COMMENT ON TABLE kver IS 'What is said of it.';
DO $$ BEGIN RAISE EXCEPTION 'expected one, got none'; END $$;
"""
FILES = {"docs/page.md": "It says\nanew.\n\n```text\nit says\n```\n", "crates/sqern/src/cli/a.rs": RUST, "schema/a.sql": SQL}


def tree(path: Path) -> Path:
    """Creates a Git work tree with the files."""
    subprocess.run(["git", "init", "--quiet", str(path)], check=True)
    (path / "scripts").mkdir()
    for name, text in FILES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def check(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CHECK, "--root", str(root), *arguments], capture_output=True, text=True, check=False)


def test_each_kind_of_text_is_recognized(tmp_path: Path) -> None:
    done = check(tree(tmp_path), "--all")
    found = {":".join(line.split(" => ")[0].split(":")[:3]) for line in done.stdout.splitlines() if " => " in line}
    assert done.returncode == 1
    assert found == {
        "crates/sqern/src/cli/a.rs:1: comments",
        "crates/sqern/src/cli/a.rs:6: help",
        "crates/sqern/src/cli/a.rs:11: messages",
        "crates/sqern/src/cli/a.rs:15: tests",
        "docs/page.md:1: docs",
        "docs/page.md:2: docs",
        "schema/a.sql:1: sql",
        "schema/a.sql:2: sql",
        "schema/a.sql:3: messages",
    }


def test_rules_of_messages_are_exact(tmp_path: Path) -> None:
    root = tree(tmp_path)
    correct = ["one cluster type: 1 or 2", "our test", "expected XML, found: {error}", "the target has four"]
    wrong = ["type: sqern init", "this is our test", "expected XML, got: {error}", "reads what we want"]
    strings = "\n".join(f'    print("{text}");' for text in correct + wrong)
    (root / "crates/sqern/src/cli/a.rs").write_text(f"fn print_all() {{\n{strings}\n}}\n")
    done = check(root, "--kind", "messages", "crates/sqern/src/cli/a.rs")
    lines = [int(line.split(":")[1]) for line in done.stdout.splitlines() if " => " in line]
    assert lines == list(range(2 + len(correct), 2 + len(correct) + len(wrong))), done.stdout


def test_a_higher_count_fails_and_a_lower_one_is_recorded(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert check(root).returncode == 1
    assert check(root, "--update").returncode == 1
    assert check(root, "--update", "--force").returncode == 0
    assert check(root).returncode == 0
    (root / "docs/page.md").write_text("It says.\n")
    assert "docs in docs: 1 findings, 2 allowed; run scripts/check-language --update" in check(root).stdout
    assert check(root, "--update").returncode == 0
    (root / "docs/page.md").write_text("It says anew.\n")
    assert check(root).returncode == 1
