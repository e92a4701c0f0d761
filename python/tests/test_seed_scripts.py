"""Tests of `sh/check-new-distro-kver.sh` and `sh/fetch-distro-kver.sh` with a signed repository and a real server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import mirror
from conftest import ROOT, Database, setting
from test_shell import SHELLS

CHECK = ROOT / "sh" / "check-new-distro-kver.sh"
FETCH = ROOT / "sh" / "fetch-distro-kver.sh"
VERSIONS = [f"6.1.0-{abi}-{flavor}" for abi in (27, 26, 25) for flavor in ("cloud-amd64", "amd64")]
KERNELS = [("debian12", version) for version in VERSIONS]
# A fetcher with the interface of kernq, which writes its arguments to a file.
FETCHER = """#!/bin/sh
[ "$2" != "${FAILS_FOR:-}" ] || { echo "no package for $2" >&2; exit 3; }
mkdir "$SQERN_TREE/build" && printf '%s\\n' "$@" >"$SQERN_TREE/arguments"
"""


@dataclass(frozen=True)
class Repository:
    """The repositories of debian12 in a directory, signed by a separate key if gpg is installed."""

    folder: Path

    def publish(self) -> None:
        """Writes and signs repositories with the kernels of `mirror.KERNELS`."""
        mirror.write_mirror(self.folder / "mirror")
        for suite, base in mirror.SUITES.items():
            release = self.folder / "mirror" / base / "dists" / suite / "Release"
            if shutil.which("gpg"):
                release.with_name("InRelease").unlink(missing_ok=True)
                self.gpg("--clearsign", "--output", str(release.with_name("InRelease")), str(release))
                release.unlink()

    def gpg(self, *args: str) -> None:
        home = self.folder / "gnupg"
        home.mkdir(mode=0o700, exist_ok=True)
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "", *args]
        subprocess.run(command, check=True, capture_output=True)

    @property
    def options(self) -> list[str]:
        """Returns the options of `sqern check` for these repositories."""
        options = ["--mirror-base", f"file://{self.folder}/mirror", "--sources", str(self.folder / "sources")]
        return options if shutil.which("gpg") else [*options, "--allow-unsigned"]


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    folder = tmp_path_factory.mktemp("repo")
    repository = Repository(folder)
    if shutil.which("gpg"):
        repository.gpg("--quick-gen-key", "test <test@example.test>", "ed25519", "sign", "never")
        repository.gpg("--output", str(folder / "key.gpg"), "--export")
    source = (ROOT / "distros" / "debian12.toml").read_text().replace("/usr/share/keyrings/debian-archive-keyring.gpg", f"{folder}/key.gpg")
    # The mirror is signed by a key of the test, which the built-in sources do not accept.
    source = re.sub(r"(?ms)^(?:keys|key-urls) = \[.*?\]\n", "", source)
    (folder / "sources").mkdir()
    (folder / "sources" / "debian12.toml").write_text(source)
    return repository


@pytest.fixture
def repository(signed: Repository) -> Repository:
    signed.publish()
    return signed


@pytest.fixture
def environment(by_service: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Sets PGSERVICE to the database, creates a store, and adds the tested program to PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "sqern").symlink_to(setting("SQERN"))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PGSERVICE", by_service.service)
    monkeypatch.setenv("SQERN_STORE", str(tmp_path / "store"))
    monkeypatch.delenv("SQERN_FETCHER", raising=False)
    return by_service


def run(
    script: Path | str, *args: str, shell: list[str] | None = None, cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    command = [*(shell or []), str(script), *args]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def lines(versions: list[str]) -> str:
    return "".join(f"debian12 {version}\n" for version in versions)


def seen(database: Database) -> list[tuple[str, str]]:
    return [(distro, version) for distro, version in database.rows("SELECT distro, version FROM kver_seen ORDER BY distro, version")]


def fetched(database: Database) -> list[tuple[str, str]]:
    return [(distro, version) for distro, version in database.rows("SELECT distro, version FROM kver_fetched ORDER BY distro, version")]


def record(database: Database, repository: Repository) -> None:
    """Records the kernels of the repository as seen."""
    done = run(CHECK, "debian12", "--", *repository.options)
    assert (done.returncode, seen(database)) == (0, sorted(KERNELS)), done.stderr


@pytest.fixture
def fetcher(tmp_path: Path) -> Path:
    """Returns a fetcher with the arguments of kernq, in a directory whose name requires quoting."""
    folder = tmp_path / "it's \"a\" $(touch evaluated) `folder`"
    folder.mkdir()
    program = folder / "kernq"
    program.write_text(FETCHER)
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("shell", SHELLS, ids=[shell[0] for shell in SHELLS])
def test_new_kernels_are_recorded_and_printed_once(shell: list[str], environment: Database, repository: Repository) -> None:
    for expected in (lines(VERSIONS), ""):
        done = run(CHECK, "debian12", "--", *repository.options, "--comment", "it's new", shell=shell)
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
        assert done.stderr == "" or "--allow-unsigned" in repository.options
    assert environment.rows("SELECT distro, version FROM kver ORDER BY distro, version") == sorted(KERNELS)
    assert seen(environment) == sorted(KERNELS)
    assert environment.generations() == ["it's new"]


def test_only_kernels_of_this_run_are_printed(environment: Database, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    record(environment, repository)
    monkeypatch.setitem(mirror.KERNELS, "bookworm-updates", [("6.1.0-28", "6.1.119-1")])
    repository.publish()
    done = run(CHECK, "debian12", "--", *repository.options)
    assert (done.returncode, done.stdout) == (0, lines(["6.1.0-28-cloud-amd64", "6.1.0-28-amd64"])), done.stderr


def test_a_dry_run_prints_new_kernels_and_records_nothing(environment: Database, repository: Repository) -> None:
    done = run(CHECK, "debian12", "--", *repository.options, "--dry-run")
    assert (done.returncode, done.stdout) == (0, lines(VERSIONS)), done.stderr
    assert (seen(environment), environment.generations()) == ([], [])


def test_a_failed_source_is_reported_and_others_are_recorded(environment: Database, repository: Repository) -> None:
    shutil.rmtree(repository.folder / "mirror" / mirror.SUITES["bookworm-security"] / "dists")
    done = run(CHECK, "debian12", "--", *repository.options)
    assert (done.returncode, done.stdout) == (1, lines(VERSIONS[4:])), done.stderr
    assert "error: debian12 bookworm-security-amd64 failed: " in done.stderr
    assert seen(environment) == sorted(KERNELS[4:])


@pytest.mark.parametrize("option", ["--service", "--service=", "--dsn", "--dsn="])
def test_an_option_selects_the_database(option: str, environment: Database, repository: Repository) -> None:
    value, other = (environment.service, "no-such-service") if "service" in option else (environment.dsn, environment.service)
    arguments = [option + value] if option.endswith("=") else [option, value]
    done = run(CHECK, *arguments, "debian12", "--", *repository.options, PGSERVICE=other)
    assert (done.returncode, done.stdout) == (0, lines(VERSIONS)), done.stderr
    done = run(FETCH, "--command", "mkdir build && touch build/Makefile", *arguments, "debian12", "--", "--no-prove", PGSERVICE=other)
    assert (done.returncode, fetched(environment)) == (0, sorted(KERNELS)), done.stderr


@pytest.mark.parametrize("shell", SHELLS, ids=[shell[0] for shell in SHELLS])
def test_another_fetcher_writes_the_tree(shell: list[str], environment: Database, repository: Repository, fetcher: Path, tmp_path: Path) -> None:
    record(environment, repository)
    done = run(FETCH, "--fetcher", str(fetcher), "debian12", "--", "--no-prove", shell=shell, cwd=tmp_path)
    assert (done.returncode, fetched(environment)) == (0, sorted(KERNELS)), done.stderr
    tree = tmp_path / "store" / "debian12" / VERSIONS[0]
    assert (tree / "arguments").read_text().split("\n")[:4] == ["fetch", "debian12", VERSIONS[0], "--to"]
    assert not list(tmp_path.rglob("evaluated"))
    assert len(environment.generations()) == 2, "one of the check and one of the fetch"


def test_kernq_is_called_by_the_documented_command(environment: Database, repository: Repository, fetcher: Path) -> None:
    record(environment, repository)
    documented = """kernq fetch "$SQERN_DISTRO" "$SQERN_VERSION" --to "$SQERN_TREE\""""
    assert f"--command '{documented}'" in run(FETCH, "--help").stdout
    done = run(FETCH, "--", "--no-prove", SQERN_FETCHER="kernq", PATH=f"{fetcher.parent}:{os.environ['PATH']}")
    assert (done.returncode, fetched(environment)) == (0, sorted(KERNELS)), done.stderr
    assert environment.generations()[-1] == "sqern fetch --no-prove --command=CMD"


def test_the_path_of_a_fetcher_can_be_relative(environment: Database, repository: Repository, fetcher: Path) -> None:
    record(environment, repository)
    done = run(FETCH, "--fetcher=./kernq", "--", "--no-prove", cwd=fetcher.parent)
    assert (done.returncode, fetched(environment)) == (0, sorted(KERNELS)), done.stderr


def test_a_kernel_is_not_recorded_if_its_fetcher_fails(environment: Database, repository: Repository, fetcher: Path) -> None:
    record(environment, repository)
    done = run(FETCH, "--fetcher", str(fetcher), "debian12", "--", "--no-prove", "--env=FAILS_FOR", FAILS_FOR="debian12")
    assert (done.returncode, fetched(environment)) == (1, [])
    done = run(FETCH, "--fetcher", str(fetcher), "debian12", "--", "--no-prove", "--env=FAILS_FOR", FAILS_FOR="x")
    assert (done.returncode, fetched(environment)) == (0, sorted(KERNELS)), done.stderr


def test_other_kernels_are_recorded_if_one_fails(environment: Database, repository: Repository) -> None:
    record(environment, repository)
    command = f'[ "$SQERN_VERSION" != {VERSIONS[0]} ] || {{ echo "no package"; exit 3; }}; mkdir build && touch build/Makefile'
    done = run(FETCH, "--command", command, "--", "--no-prove")
    assert (done.returncode, fetched(environment)) == (1, sorted(KERNELS[1:]))
    assert f"debian12 {VERSIONS[0]} failed" in done.stderr and "no package" in done.stderr


def test_ignored_and_archived_kernels_are_not_fetched(environment: Database, repository: Repository) -> None:
    record(environment, repository)
    environment.run("INSERT INTO kver_ignore (distro, pattern) VALUES ('debian12', %s)", "%-cloud-amd64")
    environment.run("UPDATE kver SET archived = true WHERE version = '6.1.0-25-amd64'")
    done = run(FETCH, "--command=mkdir build && touch build/Makefile", "--", "--no-prove")
    assert (done.returncode, fetched(environment)) == (0, [("debian12", "6.1.0-26-amd64"), ("debian12", "6.1.0-27-amd64")]), done.stderr


def test_a_missing_fetcher_is_an_error(environment: Database) -> None:
    for done in (run(FETCH, "--fetcher", "no-such-fetcher"), run(FETCH, SQERN_FETCHER="no-such-fetcher")):
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith('fetch-distro-kver.sh: could not find the fetcher "no-such-fetcher"')


@pytest.mark.parametrize("script", [CHECK, FETCH], ids=["check", "fetch"])
def test_an_unknown_distribution_is_an_error(script: Path, environment: Database, tmp_path: Path) -> None:
    # No distribution can have the other names.
    for name, status in (("debian99", 1), ("$(touch evaluated)", 2), ("*", 2), ("it's", 2)):
        done = run(script, name, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (status, "")
        assert name in done.stderr
    assert not (tmp_path / "evaluated").exists()


@pytest.mark.parametrize("script", [CHECK, FETCH], ids=["check", "fetch"])
def test_help_describes_usage_environment_and_exit_status(script: Path) -> None:
    for option in ("--help", "-h"):
        done = run(script, option)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"usage: {script.name} ")
        assert "\nEnvironment:\n" in done.stdout and "\nExit status:\n  0  success\n  1  failure" in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 132


@pytest.mark.parametrize(
    ("script", "args", "message"),
    [
        (CHECK, ["--dry-run"], 'invalid option "--dry-run"; write the options of sqern check after the argument "--"'),
        (CHECK, ["--service"], "option --service requires a value"),
        (CHECK, [""], "the name of a distribution cannot be empty"),
        (FETCH, ["--limit=1"], 'invalid option "--limit=1"; write the options of sqern fetch after the argument "--"'),
        (FETCH, ["debian12", "--fetcher"], "option --fetcher requires a value"),
        (FETCH, ["--command="], "option --command requires a value"),
        (FETCH, ["--fetcher", "kernq", "--command", "true"], "options --fetcher and --command cannot be used together"),
        (CHECK, ["--", "--no-such-option"], "unexpected argument '--no-such-option'"),
        (FETCH, ["--", "--no-such-option"], "unexpected argument '--no-such-option'"),
    ],
)
def test_a_usage_error_exits_with_status_2(script: Path, args: list[str], message: str, environment: Database) -> None:
    done = run(script, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_the_scripts_can_be_called_through_symbolic_links(environment: Database, repository: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "a $(touch evaluated) 'b'"
    folder.mkdir()
    shutil.copytree(ROOT / "sh", folder / "sh")
    (folder / "check").symlink_to("sh/check-new-distro-kver.sh")
    (tmp_path / "check").symlink_to(folder / "check")
    (tmp_path / "fetch").symlink_to(folder / "sh" / "fetch-distro-kver.sh")
    done = run("./check", "debian12", "--", *repository.options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, lines(VERSIONS)), done.stderr
    done = run("../fetch", "--command", "mkdir build && touch build/Makefile", "--", "--no-prove", cwd=folder)
    assert (done.returncode, fetched(environment)) == (0, sorted(KERNELS)), done.stderr


def test_the_program_is_found_if_path_does_not_contain_it(environment: Database, repository: Repository, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cat", "psql", "readlink", "sed"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "sh", checkout / "sh")
    script, args = checkout / "sh" / CHECK.name, ["debian12", "--", *repository.options, "--dry-run"]
    done = run(script, *args, PATH=str(tools), SQERN="")
    assert (done.returncode, done.stdout) == (1, "")
    assert "could not find the program sqern: it is not in PATH" in done.stderr
    done = run(script, *args, PATH=str(tools), SQERN="/no/such/sqern")
    assert (done.returncode, "/no/such/sqern, which the variable SQERN specifies" in done.stderr) == (1, True)
    assert run(script, *args, PATH=str(tools), SQERN=setting("SQERN")).stdout == lines(VERSIONS)
    for profile in ("release", "debug"):
        program = checkout / "target" / profile / "sqern"
        program.parent.mkdir(parents=True)
        program.symlink_to(setting("SQERN"))
        assert run(script, *args, PATH=str(tools), SQERN="").stdout == lines(VERSIONS)
        program.unlink()
