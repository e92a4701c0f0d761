"""Fixtures of the tests: a real server, and an empty database for each test."""

from __future__ import annotations

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

ROOT = Path(__file__).resolve().parents[2]
COUNTER = itertools.count(1)
# Variables of the caller that tests see.
KEPT_VARIABLES = ("PATH", "PYTHONDONTWRITEBYTECODE", "SQERN", "SQERN_BLESS", "SQERN_PG_BIN", "SQERN_TEST_DSN")
KEPT = ("cust_cluster_type", "journal_baseline", "journal_start", "schema_function", "schema_migration")
# CREATE DATABASE does not copy the privileges on the template.
COPY_PRIVILEGES = """DO $$
DECLARE
    command text;
BEGIN
    FOR command IN
        SELECT 'REVOKE ALL ON DATABASE {0} FROM PUBLIC'
        UNION ALL
        SELECT format('GRANT %s ON DATABASE {0} TO %s', privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END)
        FROM pg_database, aclexplode(datacl) WHERE datname = 'sqern'
    LOOP
        EXECUTE command;
    END LOOP;
END
$$"""


def setting(name: str) -> str:
    """Returns a setting from scripts/test-clients. Without it there is no server, and the test fails."""
    value = os.environ.get(name)
    if not value:
        pytest.fail(f"variable {name} is not set\nhint: run scripts/test-clients")
    return value


@dataclass(frozen=True)
class Database:
    """A database with the schema and the distros alma8 and debian12, and a service file for it."""

    dsn: str
    service_file: Path
    service: str = "sqern-test"

    def rows(self, query: str, *params: object) -> list[tuple[Any, ...]]:
        """Returns the rows of a query, with a separate connection."""
        with psycopg.connect(self.dsn) as conn:
            return conn.execute(query, params).fetchall()

    def run(self, query: str, *params: object) -> None:
        """Runs a statement with a separate connection."""
        with psycopg.connect(self.dsn) as conn:
            conn.execute(query, params)

    def generations(self) -> list[str | None]:
        """Returns the comments of all generations except that of the fixture."""
        return [comment for (comment,) in self.rows("SELECT comment FROM generation WHERE comment <> 'fixture' ORDER BY id")]


@pytest.fixture(scope="session")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Returns the environment of every test: an empty home, no private server, no sources of an administrator, a fixed locale and time zone."""
    folder = tmp_path_factory.mktemp("environment")
    for name in ("home", "sources"):
        (folder / name).mkdir()
    kept = {name: value for name, value in os.environ.items() if name in KEPT_VARIABLES}
    return {
        **kept,
        "HOME": str(folder / "home"),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "SQERN_DATA_DIR": str(folder / "absent" / "local"),
        "SQERN_SOURCES_DIR": str(folder / "sources"),
        "SQERN_STORE": str(folder / "absent" / "store"),
        "SQERN_LOGS": str(folder / "absent" / "logs"),
    }


@pytest.fixture(autouse=True)
def _no_settings_of_the_caller(clean_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name not in clean_environment and not name.startswith("PYTEST_"):
            monkeypatch.delenv(name)
    for name, value in clean_environment.items():
        monkeypatch.setenv(name, value)


@contextmanager
def fresh_database() -> Iterator[str]:
    """Creates a database without data, which takes a second, and returns its dsn."""
    server = setting("SQERN_TEST_DSN")
    name = f"test_{os.getpid()}_{next(COUNTER)}"
    with psycopg.connect(make_conninfo(server, dbname="postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE sqern")
        admin.execute(COPY_PRIVILEGES.format(name))
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def shared_database() -> Iterator[str]:
    with fresh_database() as dsn:
        yield dsn


@pytest.fixture
def database(shared_database: str, tmp_path: Path) -> Database:
    with psycopg.connect(shared_database) as conn:
        # Without triggers and foreign keys, the database is in the state before all other tests.
        conn.execute("SET LOCAL session_replication_role = replica")
        for (table,) in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            if table not in KEPT:
                conn.execute(f"DELETE FROM {table}")
        conn.execute("SET LOCAL session_replication_role = origin")
        # Like a migration. Otherwise, reports print a note about a read model that was never filled.
        conn.execute("SELECT kver_state_refill()")
        conn.execute("SELECT generation_start('fixture')")
        conn.execute("INSERT INTO distro VALUES ('alma8', 'ALMA8', true), ('debian12', 'DEBIAN12', true)")
    service_file = tmp_path / "pg_service.conf"
    write_service(service_file, Database.service, shared_database)
    return Database(shared_database, service_file)


def write_service(file: Path, service: str, dsn: str) -> None:
    """Writes a pg_service.conf with one service."""
    file.write_text(f"[{service}]\n" + "".join(f"{key}={value}\n" for key, value in conninfo_to_dict(dsn).items()))


@pytest.fixture
def by_service(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Returns the database, and sets PGSERVICEFILE so that its service can be used."""
    monkeypatch.setenv("PGSERVICEFILE", str(database.service_file))
    return database


def sqern(*args: str, env: dict[str, str] | None = None) -> str:
    """Runs the program and returns its output."""
    done = subprocess.run([setting("SQERN"), *args], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
