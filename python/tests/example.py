"""Creates an example database with fixed times on a private server, for the pictures of the documentation.

After each command, the times that it has recorded are moved to a fixed age. In the output, the current time is replaced by `NOW`. The
same commands therefore always print the same text.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import tempfile
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import fleet
import mirror

# Longest duration of a recording.
RECORDING = timedelta(minutes=30)
NOW = datetime(2026, 5, 4, 9, 30, tzinfo=timezone.utc)
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
BROKEN_TIME = re.compile(r"\d{4}-\d\d-\d\d(?! \d\d:\d\d:\d\dZ)")
# A progress message, which is erased before the next output.
ERASED = re.compile(r"[^\n]*\r\x1b\[2K")
KEPT_VARIABLES = ("PATH", "SQERN_PG_BIN")

FLEET = """\
cluster,type,host,distro,version,current
acme-1,production,h1,debian12,6.1.0-25-amd64,true
acme-1,production,h2,debian12,6.1.0-25-amd64,true
acme-1,production,h3,debian12,6.1.0-25-amd64,true
acme-1,production,h3,debian12,6.1.0-27-amd64,false
acme-2,poc,p1,debian12,6.1.0-99-amd64,true
lab-7,lab,l1,debian12,6.1.0-26-amd64,true
lab-7,lab,l2,debian12,6.1.0-27-amd64,true
"""
CHECK = ("check", "--distro", "debian12", "--allow-unsigned", "--comment", "daily check", "--mirror-base")
# The commands of the example with the age of their changes in minutes.
BEFORE_NEW_KERNEL: Sequence[tuple[int, tuple[str, ...]]] = (
    (14_400, ("ignore", "add", "debian12", "*-cloud-amd64", "--reason", "not used by customers")),
    (13_800, ("fetch", "--no-prove", "--command", "mkdir build && touch build/Makefile", "--kernel", "6.1.0-25-amd64", "--kernel", "6.1.0-26-amd64")),
    (13_500, ("build", "start", "--revision", "21.0.243", "--target", "prod", "--claim", "2")),
    (13_470, ("build", "finish", "1", "SUCCESS", "--kernel", "6.1.0-25-amd64=FAILURE")),
    (13_410, ("test", "start", "--build", "1", "--flavor", "smoke", "--claim", "1")),
    (13_290, ("test", "finish", "1", "SUCCESS")),
    (12_960, ("available", "add", "--test", "1")),
)
# The age of the records of the fleet in minutes, and the number of weeks in which modules became available.
FLEET_AGE, WEEKS = 175_000, 12
# A complete check of all distributions except for one source.
CRAWLS = """\
INSERT INTO crawl (distro, source, url, state, reason, checked_at, started_at, finished_at, kernels, bytes)
SELECT name, 'main', 'https://repo.example.org/', CASE name WHEN 'ubuntu-24.04' THEN 'partial' ELSE 'complete' END,
    CASE name WHEN 'ubuntu-24.04' THEN 'could not read 1 of 4 indexes: connection timed out' END, now(), now(), now(), 25, 4096
FROM distro;
"""
FLEET_TIME = re.compile(r"2026-\d\d-\d\dT\d\d:\d\d:\d\dZ")
FLEET_KERNELS = [
    (distro, version.format(number))
    for distro, version in {
        "alma8": "4.18.0-553.{}.1.el8_10.x86_64",
        "alma9": "5.14.0-570.{}.1.el9_6.x86_64",
        "debian12": "6.1.0-{}-amd64",
        "ubuntu-22.04": "5.15.0-{}-generic",
        "ubuntu-24.04": "6.8.0-{}-generic",
    }.items()
    for number in range(20, 45)
]
MOVE = """\
SET session_replication_role = replica;
SELECT format('UPDATE %I SET %I = %L WHERE %I > %L AND isfinite(%I)', table_name, column_name, :'to', column_name, :'after', column_name)
FROM information_schema.columns JOIN information_schema.tables USING (table_catalog, table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND data_type = 'timestamp with time zone' \\gexec
"""


@dataclass(frozen=True)
class Example:
    """A private server with the example database."""

    program: Path
    folder: Path
    env: Mapping[str, str]
    start: datetime

    def run(self, *args: str) -> str:
        """Runs a command of sqern and returns its output.

        Raises `RuntimeError` if the command fails.
        """
        done = subprocess.run([self.program, *args], cwd=self.folder, env=self.env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"sqern {' '.join(args)}: {done.stderr.strip()}")
        return done.stdout

    def run_before(self, minutes: int, *args: str) -> None:
        """Runs a command and moves the times that it has recorded to that age."""
        self.run(*args)
        self.move(minutes)

    def move(self, minutes: int) -> None:
        """Moves the times that were recorded since the start to that age."""
        to, after = self.start - timedelta(minutes=minutes), self.start - timedelta(hours=1)
        self.psql(MOVE, "-v", f"to={to.isoformat()}", "-v", f"after={after.isoformat()}")

    def psql(self, script: str, *options: str) -> None:
        """Runs a script of psql."""
        command = [str(self.program), "local", "psql", "-X", "-q", "-v", "ON_ERROR_STOP=on", *options]
        subprocess.run(command, cwd=self.folder, env=self.env, input=script, stdout=subprocess.DEVNULL, text=True, check=True)

    def on_terminal(self, command: str, columns: int) -> str:
        """Runs a shell command on a terminal of that width. Returns its output with escape sequences and fixed times."""
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        printed = b""
        with subprocess.Popen(["sh", "-c", command], cwd=self.folder, env=self.env, stdin=terminal, stdout=terminal, stderr=terminal):
            os.close(terminal)
            while True:
                try:
                    chunk = os.read(controller, 65536)
                except OSError:  # Linux reports the end of a terminal as an error.
                    break
                if not chunk:
                    break
                printed += chunk
        os.close(controller)
        return self.with_fixed_times(ERASED.sub("", printed.decode().replace("\r\n", "\n")))

    def with_fixed_times(self, text: str) -> str:
        """Replaces each time by one of the same age before `NOW`, and each time since the start by `NOW`.

        Raises `RuntimeError` for a time that is broken across lines.
        """

        def fixed(match: re.Match[str]) -> str:
            found = datetime.strptime(match[0], "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=timezone.utc)
            age = self.start - found
            return f"{NOW - (timedelta() if -RECORDING < age < timedelta() else age):%Y-%m-%d %H:%M:%SZ}"

        replaced = TIME.sub(fixed, text)
        if BROKEN_TIME.search(replaced):
            raise RuntimeError("a time is broken across lines: the terminal is too narrow")
        return replaced


@contextmanager
def example(program: Path, create: Callable[[Example], None]) -> Iterator[Example]:
    """Starts a private server and creates an example; removes both at the end."""
    # Any user can enter the directory, because the server runs as another user if the caller is root. A socket needs a short path.
    folder = Path(tempfile.mkdtemp(prefix="sqern-", dir="/tmp"))
    folder.chmod(0o711)
    (folder / "bin").mkdir()
    (folder / "bin/sqern").symlink_to(program)
    env = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    env.update({"HOME": str(folder / "home"), "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "xterm", "PATH": f"{folder}/bin:{env['PATH']}"})
    env.update({"SQERN_DATA_DIR": str(folder / "server"), "SQERN_STORE": str(folder / "store"), "SQERN_SOURCES_DIR": str(folder)})
    env.update({"PGSERVICEFILE": str(folder / "pg_service.conf")})
    created = Example(program, folder, env, datetime.fromtimestamp(int(time.time()), timezone.utc))
    try:
        create(created)
        yield created
    finally:
        subprocess.run([program, "local", "destroy", "--yes"], env=env, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def two_weeks(database: Example) -> None:
    """Creates two weeks: two kernels with headers, one failed build, one available module, a new kernel, and 6 hosts."""
    old = {suite: [kernel for kernel in kernels if kernel[0] != "6.1.0-27"] for suite, kernels in mirror.KERNELS.items()}
    repositories = [database.folder / name for name in ("repository", "new-repository")]
    mirror.write_mirror(repositories[0], old)
    mirror.write_mirror(repositories[1])
    database.run_before(20_160, "init")
    database.run_before(14_460, *CHECK, f"file://{repositories[0]}")
    for minutes, command in BEFORE_NEW_KERNEL:
        database.run_before(minutes, *command)
    database.run_before(132, *CHECK, f"file://{repositories[1]}")
    (database.folder / "monday.csv").write_text(FLEET)
    (database.folder / "tuesday.csv").write_text("".join(line for line in FLEET.splitlines(True) if "acme-2" not in line))
    database.run_before(75, "cust", "load", "monday.csv", "--comment", "monitoring report of the day")


def large_fleet(database: Example) -> None:
    """Creates random hosts and results for kernels of several distributions."""
    database.run_before(200_000, "init")
    made = fleet.make(FLEET_KERNELS, clusters=60, hosts=12, seed=1)

    def moved(match: re.Match[str]) -> str:
        return (database.start - (NOW - datetime.strptime(match[0], "%Y-%m-%dT%H:%M:%S%z"))).isoformat()

    def insert(tables: Mapping[str, Sequence[tuple[object, ...]]], minutes: int) -> None:
        script = ""
        for table, rows in tables.items():
            lines = ("\t".join("\\N" if value is None else str(value).replace("\\", "\\\\") for value in row) for row in rows)
            script += f"COPY {table} FROM STDIN;\n" + "".join(f"{line}\n" for line in lines) + "\\.\n"
        database.psql(FLEET_TIME.sub(moved, script), "-1")
        database.move(minutes)

    tables = made.tables()
    (available, modules), = [item for item in tables.items() if item[0].startswith("sp_available_kver")]
    insert({table: rows for table, rows in tables.items() if table != available}, FLEET_AGE)
    (database.folder / "report.json").write_text(json.dumps(made.report()))
    database.run_before(FLEET_AGE - 60, "cust", "load", "report.json")
    for week in range(WEEKS):
        insert({available: modules[week::WEEKS]}, (WEEKS - week) * 10_080 - 5_000)
    database.psql(CRAWLS)
    database.move(75)
