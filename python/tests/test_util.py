"""`util.connect()` against a real server."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Optional

import psycopg
import pytest
from psycopg import errors
from psycopg.rows import TupleRow
from typing_extensions import assert_type

from conftest import Database, sqern
from sqern_tools import util

ADD = "INSERT INTO kver (distro, version) VALUES ('alma8', %s) ON CONFLICT DO NOTHING"


def versions(database: Database) -> list[str]:
    return [version for (version,) in database.rows("SELECT version FROM kver ORDER BY version")]


def test_changes_with_a_comment_are_one_generation_that_says_why(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="two kernels, it's done") as (conn, cur, generation):
        cur.execute(ADD, ("4.18.0-1",))
        conn.execute(ADD, ("4.18.0-2",))
    assert versions(database) == ["4.18.0-1", "4.18.0-2"]
    assert database.generations() == ["two kernels, it's done"]
    assert database.rows("SELECT DISTINCT generation FROM event WHERE table_name = 'kver'") == [(generation,)]


def test_what_is_given_has_types_by_name_and_unpacked(database: Database) -> None:
    with util.connect(dsn=database.dsn) as db:
        conn, cur, generation = db
        assert_type(conn, psycopg.Connection[TupleRow])
        assert_type(cur, psycopg.Cursor[TupleRow])
        assert_type(generation, Optional[int])
        assert (db.conn, db.cur, db.generation) == (conn, cur, generation)
        with pytest.raises(FrozenInstanceError):
            db.generation = 3  # type: ignore[misc]


def test_placeholders_may_stand_for_what_is_not_needed(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as (_, cur, _):
        cur.execute(ADD, ("4.18.0-1",))
    assert versions(database) == ["4.18.0-1"]


def test_a_block_that_changes_nothing_leaves_no_generation(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
    with util.connect(dsn=database.dsn, comment="the same kernel again") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
    assert database.generations() == ["a kernel"]


def test_an_exception_takes_everything_back_and_comes_out_as_it_is(database: Database) -> None:
    with pytest.raises(KeyError, match="gone wrong"), util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
        raise KeyError("gone wrong")
    assert versions(database) == []
    assert database.generations() == []


def test_rollback_takes_everything_back_without_an_error(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
        raise psycopg.Rollback
    assert versions(database) == []  # type: ignore[unreachable, unused-ignore]


def test_an_error_that_the_block_swallowed_is_no_silent_rollback(database: Database) -> None:
    with pytest.raises(psycopg.InternalError, match=r"cannot commit the transaction, because a query failed in it\nhint: "):
        with util.connect(dsn=database.dsn, comment="a kernel") as db:
            db.cur.execute(ADD, ("4.18.0-1",))
            try:
                db.cur.execute("SELECT 1 / 0")
            except errors.DivisionByZero:
                pass
    assert versions(database) == []


def test_what_may_fail_goes_into_a_savepoint(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
        with pytest.raises(errors.DivisionByZero), db.conn.transaction():
            db.cur.execute(ADD, ("4.18.0-2",))
            db.cur.execute("SELECT 1 / 0")
    assert versions(database) == ["4.18.0-1"]
    assert database.generations() == ["a kernel"]


def test_the_block_leaves_commit_to_connect(database: Database) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="commit"):
        with util.connect(dsn=database.dsn, comment="a kernel") as db:
            db.cur.execute(ADD, ("4.18.0-1",))
            db.conn.commit()
    assert versions(database) == []
    with pytest.raises(psycopg.InternalError, match=r"transaction was ended inside the `with connect\(\)` block"):
        with util.connect(dsn=database.dsn, comment="a kernel") as db:
            db.cur.execute("COMMIT")


def test_without_a_comment_there_is_no_generation_and_nothing_can_be_changed(database: Database) -> None:
    with util.connect(dsn=database.dsn) as db:
        assert db.generation is None
        assert db.cur.execute("SELECT name FROM distro ORDER BY name").fetchall() == [("alma8",), ("debian12",)]
    with pytest.raises(errors.ReadOnlySqlTransaction) as caught, util.connect(dsn=database.dsn) as db:
        db.cur.execute(ADD, ("4.18.0-1",))
    assert str(caught.value) == (
        "cannot execute INSERT in a read-only transaction\n"
        'hint: Specify the purpose of the changes: connect(comment="…")'
    )
    assert versions(database) == []
    assert database.generations() == []


def test_all_queries_of_a_block_that_reads_see_the_same_state(database: Database) -> None:
    count = "SELECT count(*) FROM kver"
    with util.connect(dsn=database.dsn) as db:
        before = db.cur.execute(count).fetchone()
        database.run(ADD, "4.18.0-1")
        assert db.cur.execute(count).fetchone() == before == (0,)
    assert database.rows(count) == [(1,)]


def test_a_block_that_writes_reads_what_others_committed_whatever_the_server_defaults_to(database: Database) -> None:
    dsn = f"{database.dsn} options='-c default_transaction_isolation=serializable'"
    with util.connect(dsn=dsn, comment="a kernel") as db:
        assert db.cur.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
        db.cur.execute(ADD, ("4.18.0-1",))
    assert versions(database) == ["4.18.0-1"]


def test_a_comment_of_blanks_is_refused(database: Database) -> None:
    for comment in ("", "  "):
        with pytest.raises(errors.InvalidParameterValue, match=r"generation comment must not be empty\n.*State the purpose of the changes"):
            with util.connect(dsn=database.dsn, comment=comment):
                pytest.fail("the block must not run")


def test_live_records_are_read_written_and_found_by_LIVE(database: Database) -> None:
    assert util.LIVE == datetime.min.replace(tzinfo=timezone.utc)
    gone = datetime(2026, 5, 1, 12, 30, 0, 250, tzinfo=timezone.utc)
    insert = "INSERT INTO cust_cluster (name, cltype, deleted_at) VALUES (%s, 1, {})"
    with util.connect(dsn=database.dsn, comment="clusters") as (_, cur, _):
        cur.execute("INSERT INTO cust_cluster (name, cltype) VALUES ('by default', 1)")
        cur.execute(insert.format("%t"), ("by text", util.LIVE))
        cur.execute(insert.format("%b"), ("by binary", util.LIVE))
        cur.execute(insert.format("%t"), ("gone by text", gone))
        cur.execute(insert.format("%b"), ("gone by binary", gone))
        with cur.copy("COPY cust_cluster (name, cltype, deleted_at) FROM STDIN") as copy:
            copy.write_row(("by copy", 1, util.LIVE))
            copy.write_row(("gone by copy", 1, gone))
    query = "SELECT name, deleted_at FROM cust_cluster WHERE deleted_at = %s ORDER BY name"
    for binary in (False, True):
        with util.connect(dsn=database.dsn) as (_, cur, _):
            live = cur.execute(query, (util.LIVE,), binary=binary).fetchall()
            dead = cur.execute(query, (gone,), binary=binary).fetchall()
        assert live == [(name, util.LIVE) for name in ("by binary", "by copy", "by default", "by text")]
        assert dead == [(name, gone) for name in ("gone by binary", "gone by copy", "gone by text")]


def test_times_without_a_zone_are_sent_as_psycopg_sends_them(database: Database) -> None:
    for placeholder in ("%s", "%b"):
        with util.connect(dsn=database.dsn) as (_, cur, _):
            row = cur.execute(f"SELECT {placeholder}::timestamp", (datetime(2026, 5, 1),)).fetchone()
        assert row == (datetime(2026, 5, 1),)


def test_psql_sqern_and_python_reach_one_database_by_one_service(by_service: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with util.connect("sqern-test", "by its name") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
    monkeypatch.setenv("PGSERVICE", "sqern-test")
    with util.connect(comment="by the environment") as db:
        db.cur.execute(ADD, ("4.18.0-2",))
    psql = ["psql", "-XAt", "service=sqern-test", "-c", "SELECT version FROM kver ORDER BY version"]
    assert subprocess.run(psql, capture_output=True, text=True, check=True).stdout.split() == ["4.18.0-1", "4.18.0-2"]
    listed = sqern("--service", "sqern-test", "--csv", "kver", "list", "--distro", "alma8")
    assert [line.split(",")[1] for line in sorted(listed.splitlines()[1:])] == ["4.18.0-1", "4.18.0-2"]


def test_the_server_sees_which_program_it_is(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/opt/tools/nightly.py"])
    with util.connect(dsn=database.dsn) as db:
        assert db.cur.execute("SHOW application_name").fetchone() == ("nightly.py",)
    monkeypatch.setenv("PGAPPNAME", "said by the user")
    with util.connect(dsn=database.dsn) as db:
        assert db.cur.execute("SHOW application_name").fetchone() == ("said by the user",)


def refused(**given: Any) -> str:
    with pytest.raises(util.ConnectError) as caught, util.connect(**given):
        pytest.fail("the block must not run")
    return str(caught.value)


def test_a_service_that_is_not_known_is_named(by_service: Database) -> None:
    text = refused(service="sqern-tets")
    assert text.startswith("could not connect to service sqern-tets: ")
    assert "\nhint: psql service=sqern-tets -c ''" in text


def test_where_nothing_is_given_the_hint_says_how_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg, "connect", lambda _: (_ for _ in ()).throw(psycopg.OperationalError("no server here")))
    assert refused() == (
        "could not connect to the default database of libpq: no server here\n"
        "hint: Specify a service, or set PGSERVICE=NAME. To start a private server: sqern local up && export PGSERVICE=sqern-local"
    )
    monkeypatch.setenv("PGHOST", "db1")
    assert refused().startswith("could not connect to PGHOST=db1: ")


def test_a_server_that_does_not_answer_is_named_without_the_password(tmp_path: Path) -> None:
    text = refused(dsn=f"host={tmp_path} user=u password=s3cret dbname=d")
    assert text.startswith(f"could not connect to user=u dbname=d host={tmp_path}: ")
    assert "s3cret" not in text
    text = refused(dsn=f"postgresql://u:s3cret@/d?host={tmp_path}")
    assert f"host={tmp_path}" in text and "s3cret" not in text


def test_a_service_and_a_dsn_at_once_and_empty_ones_are_refused(database: Database) -> None:
    for given, message in (
        ({"service": "s", "dsn": database.dsn}, "service and dsn cannot be used together"),
        ({"service": ""}, "service and dsn must not be empty"),
        ({"dsn": ""}, "service and dsn must not be empty"),
    ):
        with pytest.raises(ValueError, match=rf"{message}\nhint: "), util.connect(**given):
            pytest.fail("the block must not run")


def test_a_database_without_the_schema_is_told_how_it_gets_one(database: Database) -> None:
    with pytest.raises(errors.UndefinedFunction, match=r"generation_start(.|\n)*\nhint: sqern db migrate"):
        with util.connect(dsn=f"{database.dsn} dbname=postgres", comment="a kernel"):
            pytest.fail("the block must not run")


def test_a_reader_reads_and_is_told_what_writing_takes(database: Database) -> None:
    reader = f"{database.dsn} options='-c role=sqern_reader'"
    with util.connect(dsn=reader) as db:
        assert db.cur.execute("SELECT count(*) FROM distro").fetchone() == (2,)
    with pytest.raises(errors.InsufficientPrivilege, match=r"\nhint: GRANT sqern_writer TO "):
        with util.connect(dsn=reader, comment="a kernel"):
            pytest.fail("the block must not run")


def test_the_connection_is_closed_at_the_end_whatever_happens(database: Database) -> None:
    with util.connect(dsn=database.dsn) as db:
        conn = db.conn
    assert conn.closed
    with pytest.raises(KeyError), util.connect(dsn=database.dsn, comment="a kernel") as db:
        conn = db.conn
        raise KeyError
    assert conn.closed
