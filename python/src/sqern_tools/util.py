"""`connect()`: a connection to a sqern database, its transaction, and the generation that its changes belong to.

    with util.connect(comment="update customer host kernel versions") as (conn, cur, generation):
        cur.execute("INSERT INTO kver (distro, version) VALUES (%s, %s) ON CONFLICT DO NOTHING", (distro, version))

    with util.connect() as db:
        for (version,) in db.cur.execute("SELECT version FROM kver_not_ignored WHERE distro = %s", (distro,)):
            print(version)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Optional, Tuple

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from sqern_tools import _times

LIVE = _times.LIVE
"""What `deleted_at` is while a record is not marked as deleted: -infinity, in Python as early as a datetime can be."""


class ConnectError(psycopg.OperationalError):
    """The database can't be reached, or it doesn't let us in. Says where it was looked for, and what to type."""


# The tuple gives what is unpacked its types.
@dataclass(frozen=True, eq=False)
class Session(Tuple["psycopg.Connection[TupleRow]", "psycopg.Cursor[TupleRow]", Optional[int]]):
    """What `connect()` gives, by name or unpacked: `as (conn, cur, generation)`."""

    conn: psycopg.Connection[TupleRow]
    """The connection; its transaction has begun."""

    cur: psycopg.Cursor[TupleRow]
    """A cursor of it."""

    generation: int | None
    """The id of the generation that the changes belong to; None where `connect()` was given no comment."""

    def __new__(cls, conn: psycopg.Connection[TupleRow], cur: psycopg.Cursor[TupleRow], generation: int | None) -> Session:
        return super().__new__(cls, (conn, cur, generation))


@contextmanager
def connect(service: str | None = None, comment: str | None = None, *, dsn: str | None = None) -> Iterator[Session]:
    """Connects, begins a transaction, and ends both with the block: commits, or rolls back when the block raises.

    With a `comment`, the block may change the database. Its changes are one generation, and the comment tells others why they
    were made. A block that changes nothing leaves no generation behind. `raise psycopg.Rollback` ends the block and takes its
    changes back, without an error.

    Without a `comment`, the block may only read, and all its queries see the database as it was at the first of them.

    The database is found as libpq does: by `service`, a record of pg_service.conf; by `dsn`, a connection string or URI; else by
    PGSERVICE, PGHOST and its other variables.

    Raises `ConnectError`, what psycopg raises for a query, or `ValueError` where both `service` and `dsn` are given.
    """
    with _open(service, dsn) as conn:
        if comment is None:
            conn.read_only = True
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        else:
            # The triggers of kver refuse the others, which a server may have as its default.
            conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        with conn.transaction(), conn.cursor() as cur:
            if comment is None:
                try:
                    yield Session(conn, cur, None)
                except errors.ReadOnlySqlTransaction as error:
                    _raise_hint(error, 'say why the database is to change: connect(comment="…")')
            else:
                yield Session(conn, cur, _generation_start(cur, comment))
                _generation_end(conn)


def _open(service: str | None, dsn: str | None) -> psycopg.Connection[TupleRow]:
    """The connection itself, as libpq makes it."""
    if service is not None and dsn is not None:
        raise ValueError("expected a service or a dsn, got both\nhint: a dsn may itself say service=NAME")
    if service == "" or dsn == "":
        raise ValueError("expected a service or a dsn, got an empty one\nhint: leave it out to have PGSERVICE and PGHOST decide")
    try:
        given = {} if service is None else {"service": service}
        # Shown by pg_stat_activity, unless PGAPPNAME or the service says another.
        program = Path(sys.argv[0]).name or "python"
        conn = psycopg.connect(make_conninfo(dsn or "", **given, fallback_application_name=program))
    except psycopg.Error as error:
        where, hint = _where(service, dsn), _way(service, dsn)
        raise ConnectError(f"expected to connect to {where}, got: {str(error).strip()}\nhint: {hint}") from error
    _times.register(conn)
    return conn


def _where(service: str | None, dsn: str | None) -> str:
    """Words for what was asked for, without passwords."""
    if service is not None:
        return f"service {service}"
    if dsn is not None:
        try:
            parts = conninfo_to_dict(dsn)
        except psycopg.Error:
            return "the dsn"
        return " ".join(f"{key}={value}" for key, value in parts.items() if "password" not in key)
    given = [f"{name}={os.environ[name]}" for name in ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE") if os.environ.get(name)]
    return " ".join(given) or "libpq's default database, for nothing says which"


def _way(service: str | None, dsn: str | None) -> str:
    """What to type when connecting failed."""
    service = service or (None if dsn else os.environ.get("PGSERVICE"))
    if service:
        return f"psql service={service} -c ''   # must work first; services are records of ~/.pg_service.conf"
    if dsn:
        return "psql DSN -c ''   # must work first, with the same dsn"
    return "name a service, or export PGSERVICE=NAME; a server of your own: sqern local up && export PGSERVICE=sqern-local"


def _generation_start(cur: psycopg.Cursor[TupleRow], comment: str) -> int:
    """Starts the transaction's generation; returns its id."""
    try:
        row = cur.execute("SELECT generation_start(%s)", (comment,)).fetchone()
    except errors.UndefinedFunction as error:
        _raise_hint(error, "sqern db migrate   # brings the schema of sqern to a database")
    except errors.InsufficientPrivilege as error:
        _raise_hint(error, f"GRANT sqern_writer TO {cur.connection.info.user}")
    assert row is not None, "a function returns a row"
    generation: int = row[0]
    return generation


def _generation_end(conn: psycopg.Connection[TupleRow]) -> None:
    """Drops the generation if nothing was changed. Raises where a commit would lose changes without a word."""
    status = conn.info.transaction_status
    if status == TransactionStatus.INERROR:
        raise psycopg.InternalError(
            "expected a transaction that can be committed, got one in which a query failed, so that all of it is rolled back\n"
            "hint: let the error out of the block, or put what may fail into `with conn.transaction():`"
        )
    if status != TransactionStatus.INTRANS:
        raise psycopg.InternalError(
            f"expected the transaction that connect() began, got none at the end of the block (it is {status.name})\n"
            "hint: leave COMMIT and ROLLBACK to connect(); `raise psycopg.Rollback` takes the changes back"
        )
    conn.execute("SELECT generation_drop_empty_current()")


def _raise_hint(error: psycopg.Error, hint: str) -> NoReturn:
    """Raises the same kind of error, with a hint."""
    raise type(error)(f"{error}\nhint: {hint}") from error
