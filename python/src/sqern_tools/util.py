"""Connects to a sqern database, with a transaction and the generation of its changes.

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
"""The value of `deleted_at` in a live row. It represents -infinity and is equal to the earliest datetime of Python in UTC."""


class ConnectError(psycopg.OperationalError):
    """The connection to the database failed. The message contains the target and a hint."""


# The tuple base class declares the types of the unpacked values.
@dataclass(frozen=True, eq=False)
class Session(Tuple["psycopg.Connection[TupleRow]", "psycopg.Cursor[TupleRow]", Optional[int]]):
    """The result of `connect()`. It can be unpacked: `as (conn, cur, generation)`."""

    conn: psycopg.Connection[TupleRow]
    """The connection, with an open transaction."""

    cur: psycopg.Cursor[TupleRow]
    """A cursor of the connection."""

    generation: int | None
    """The id of the generation of the changes. None if `connect()` was called without a comment."""

    def __new__(cls, conn: psycopg.Connection[TupleRow], cur: psycopg.Cursor[TupleRow], generation: int | None) -> Session:
        return super().__new__(cls, (conn, cur, generation))


@contextmanager
def connect(service: str | None = None, comment: str | None = None, *, dsn: str | None = None) -> Iterator[Session]:
    """Connects and starts a transaction. The end of the block commits it, and an exception rolls it back. Both close the connection.

    With a `comment`, the block can change the database. Its changes are one generation with this comment. A block without changes
    creates no generation. `raise psycopg.Rollback` ends the block and rolls back its changes without an error.

    Without a `comment`, the transaction is read-only, and all queries use the snapshot of the first query.

    The target is `service`, a section of pg_service.conf, or `dsn`, a connection string or URI. Without both, libpq uses PGSERVICE,
    PGHOST and its other environment variables.

    Raises `ConnectError`, the exceptions of psycopg, or `ValueError` if both `service` and `dsn` are specified.
    """
    with _open(service, dsn) as conn:
        if comment is None:
            conn.read_only = True
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        else:
            # The triggers of kver reject other levels, one of which can be the default of the server.
            conn.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        with conn.transaction(), conn.cursor() as cur:
            # A table of the user must not hide a table of sqern.
            cur.execute("SET LOCAL search_path = public, pg_temp; SET LOCAL standard_conforming_strings = on")
            if comment is None:
                try:
                    yield Session(conn, cur, None)
                except errors.ReadOnlySqlTransaction as error:
                    _raise_hint(error, 'Specify the purpose of the changes: connect(comment="…")')
            else:
                yield Session(conn, cur, _generation_start(cur, comment))
                _generation_end(conn)


def _open(service: str | None, dsn: str | None) -> psycopg.Connection[TupleRow]:
    """Returns a connection, opened by libpq."""
    if service is not None and dsn is not None:
        raise ValueError("service and dsn cannot be used together\nhint: A dsn can contain service=NAME.")
    if service == "" or dsn == "":
        raise ValueError("service and dsn must not be empty\nhint: Omit the argument to use PGSERVICE or PGHOST.")
    try:
        given = {} if service is None else {"service": service}
        # The name in pg_stat_activity, unless PGAPPNAME or the service specifies another.
        program = Path(sys.argv[0]).name or "python"
        # A pooler can execute the transactions of a connection in several sessions, which do not share prepared statements.
        conn = psycopg.connect(make_conninfo(dsn or "", **given, fallback_application_name=program), prepare_threshold=None)
    except psycopg.Error as error:
        where, hint = _where(service, dsn), _way(service, dsn)
        raise ConnectError(f"could not connect to {where}: {str(error).strip()}\nhint: {hint}") from error
    _times.register(conn)
    return conn


def _where(service: str | None, dsn: str | None) -> str:
    """Returns a description of the target, without passwords."""
    if service is not None:
        return f"service {service}"
    if dsn is not None:
        try:
            parts = conninfo_to_dict(dsn)
        except psycopg.Error:
            return "the dsn"
        return " ".join(f"{key}={value}" for key, value in parts.items() if "password" not in key)
    given = [f"{name}={os.environ[name]}" for name in ("PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE") if os.environ.get(name)]
    return " ".join(given) or "the default database of libpq"


def _way(service: str | None, dsn: str | None) -> str:
    """Returns the hint for a failed connection."""
    service = service or (None if dsn else os.environ.get("PGSERVICE"))
    if service:
        return f"psql service={service} -c ''  # tests the service, which is a section of ~/.pg_service.conf"
    if dsn:
        return "psql DSN -c ''  # tests the same dsn"
    return "Specify a service, or set PGSERVICE=NAME. To start a private server: sqern local up && export PGSERVICE=sqern-local"


def _generation_start(cur: psycopg.Cursor[TupleRow], comment: str) -> int:
    """Starts the generation of the transaction and returns its id."""
    try:
        row = cur.execute("SELECT generation_start(%s)", (comment,)).fetchone()
    except errors.UndefinedFunction as error:
        _raise_hint(error, "sqern db migrate  # creates or updates the schema")
    except errors.InsufficientPrivilege as error:
        _raise_hint(error, f"GRANT sqern_writer TO {cur.connection.info.user}")
    assert row is not None, "a function returns a row"
    generation: int = row[0]
    return generation


def _generation_end(conn: psycopg.Connection[TupleRow]) -> None:
    """Removes the generation if there are no changes. Raises an error if a commit would silently lose changes."""
    status = conn.info.transaction_status
    if status == TransactionStatus.INERROR:
        raise psycopg.InternalError(
            "cannot commit the transaction, because a query failed in it\n"
            "hint: Do not catch the error inside the block, or run the query in `with conn.transaction():`."
        )
    if status != TransactionStatus.INTRANS:
        raise psycopg.InternalError(
            f"transaction was ended inside the `with connect()` block (status {status.name})\n"
            "hint: Do not use COMMIT or ROLLBACK. `raise psycopg.Rollback` rolls back the changes."
        )
    conn.execute("SELECT generation_drop_empty_current()")


def _raise_hint(error: psycopg.Error, hint: str) -> NoReturn:
    """Raises an error of the same class with a hint."""
    raise type(error)(f"{error}\nhint: {hint}") from error
