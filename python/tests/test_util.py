"""Tests of `util.connect()` with a real server."""

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


def test_changes_with_a_comment_are_one_generation_with_this_comment(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="two kernels, it's done") as (conn, cur, generation):
        cur.execute(ADD, ("4.18.0-1",))
        conn.execute(ADD, ("4.18.0-2",))
    assert versions(database) == ["4.18.0-1", "4.18.0-2"]
    assert database.generations() == ["two kernels, it's done"]
    assert database.rows("SELECT DISTINCT generation FROM event WHERE table_name = 'kver'") == [(generation,)]


def test_the_session_has_typed_attributes_and_can_be_unpacked(database: Database) -> None:
    with util.connect(dsn=database.dsn) as db:
        conn, cur, generation = db
        assert_type(conn, psycopg.Connection[TupleRow])
        assert_type(cur, psycopg.Cursor[TupleRow])
        assert_type(generation, Optional[int])
        assert (db.conn, db.cur, db.generation) == (conn, cur, generation)
        with pytest.raises(FrozenInstanceError):
            db.generation = 3  # type: ignore[misc]


def test_unpacked_values_can_be_ignored(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as (_, cur, _):
        cur.execute(ADD, ("4.18.0-1",))
    assert versions(database) == ["4.18.0-1"]


def test_a_block_without_changes_leaves_no_generation(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
    with util.connect(dsn=database.dsn, comment="the same kernel again") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
    assert database.generations() == ["a kernel"]


def test_an_exception_rolls_back_all_changes_and_is_raised_unchanged(database: Database) -> None:
    with pytest.raises(KeyError, match="a test error"), util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
        raise KeyError("a test error")
    assert versions(database) == []
    assert database.generations() == []


def test_rollback_reverts_all_changes_without_an_error(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
        raise psycopg.Rollback
    assert versions(database) == []  # type: ignore[unreachable, unused-ignore]


def test_a_block_that_caught_a_query_error_raises_at_its_end(database: Database) -> None:
    with pytest.raises(psycopg.InternalError, match=r"cannot commit the transaction, because a query failed in it\nhint: "):
        with util.connect(dsn=database.dsn, comment="a kernel") as db:
            db.cur.execute(ADD, ("4.18.0-1",))
            try:
                db.cur.execute("SELECT 1 / 0")
            except errors.DivisionByZero:
                pass
    assert versions(database) == []


def test_a_nested_transaction_limits_the_effect_of_an_error(database: Database) -> None:
    with util.connect(dsn=database.dsn, comment="a kernel") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
        with pytest.raises(errors.DivisionByZero), db.conn.transaction():
            db.cur.execute(ADD, ("4.18.0-2",))
            db.cur.execute("SELECT 1 / 0")
    assert versions(database) == ["4.18.0-1"]
    assert database.generations() == ["a kernel"]


def test_a_commit_inside_the_block_is_an_error(database: Database) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="commit"):
        with util.connect(dsn=database.dsn, comment="a kernel") as db:
            db.cur.execute(ADD, ("4.18.0-1",))
            db.conn.commit()
    assert versions(database) == []
    with pytest.raises(psycopg.InternalError, match=r"transaction was ended inside the `with connect\(\)` block"):
        with util.connect(dsn=database.dsn, comment="a kernel") as db:
            db.cur.execute("COMMIT")


def test_a_block_without_a_comment_is_read_only(database: Database) -> None:
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


def test_all_queries_of_a_read_only_block_use_the_same_snapshot(database: Database) -> None:
    count = "SELECT count(*) FROM kver"
    with util.connect(dsn=database.dsn) as db:
        before = db.cur.execute(count).fetchone()
        database.run(ADD, "4.18.0-1")
        assert db.cur.execute(count).fetchone() == before == (0,)
    assert database.rows(count) == [(1,)]


def test_a_block_with_a_comment_always_uses_read_committed(database: Database) -> None:
    dsn = f"{database.dsn} options='-c default_transaction_isolation=serializable'"
    with util.connect(dsn=dsn, comment="a kernel") as db:
        assert db.cur.execute("SHOW transaction_isolation").fetchone() == ("read committed",)
        db.cur.execute(ADD, ("4.18.0-1",))
    assert versions(database) == ["4.18.0-1"]


def test_a_blank_comment_is_rejected(database: Database) -> None:
    for comment in ("", "  "):
        with pytest.raises(errors.InvalidParameterValue, match=r"generation comment must not be empty\n.*State the purpose of the changes"):
            with util.connect(dsn=database.dsn, comment=comment):
                pytest.fail("the block must not run")


def test_LIVE_represents_minus_infinity_in_results_and_parameters(database: Database) -> None:
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


def test_times_without_a_time_zone_are_unchanged(database: Database) -> None:
    for placeholder in ("%s", "%b"):
        with util.connect(dsn=database.dsn) as (_, cur, _):
            row = cur.execute(f"SELECT {placeholder}::timestamp", (datetime(2026, 5, 1),)).fetchone()
        assert row == (datetime(2026, 5, 1),)


def test_psql_sqern_and_python_use_the_same_service(by_service: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with util.connect("sqern-test", "by its name") as db:
        db.cur.execute(ADD, ("4.18.0-1",))
    monkeypatch.setenv("PGSERVICE", "sqern-test")
    with util.connect(comment="by the environment") as db:
        db.cur.execute(ADD, ("4.18.0-2",))
    psql = ["psql", "-XAt", "service=sqern-test", "-c", "SELECT version FROM kver ORDER BY version"]
    assert subprocess.run(psql, capture_output=True, text=True, check=True).stdout.split() == ["4.18.0-1", "4.18.0-2"]
    listed = sqern("--service", "sqern-test", "--csv-raw", "kver", "list", "--distro", "alma8")
    assert [line.split(",")[1] for line in sorted(listed.splitlines()[1:])] == ["4.18.0-1", "4.18.0-2"]


def test_the_application_name_is_the_name_of_the_program(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["/opt/tools/nightly.py"])
    with util.connect(dsn=database.dsn) as db:
        assert db.cur.execute("SHOW application_name").fetchone() == ("nightly.py",)
    monkeypatch.setenv("PGAPPNAME", "set by the user")
    with util.connect(dsn=database.dsn) as db:
        assert db.cur.execute("SHOW application_name").fetchone() == ("set by the user",)


def connect_error(**target: Any) -> str:
    with pytest.raises(util.ConnectError) as caught, util.connect(**target):
        pytest.fail("the block must not run")
    return str(caught.value)


def test_the_error_for_an_unknown_service_contains_its_name(by_service: Database) -> None:
    text = connect_error(service="sqern-tets")
    assert text.startswith("could not connect to service sqern-tets: ")
    assert "\nhint: psql service=sqern-tets -c ''" in text


def test_the_error_without_a_target_has_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psycopg, "connect", lambda _, **kwargs: (_ for _ in ()).throw(psycopg.OperationalError("no server here")))
    assert connect_error() == (
        "could not connect to the default database of libpq: no server here\n"
        "hint: Specify a service, or set PGSERVICE=NAME. To start a private server: sqern local up && export PGSERVICE=sqern-local"
    )
    monkeypatch.setenv("PGHOST", "db1")
    assert connect_error().startswith("could not connect to PGHOST=db1: ")


def test_a_connection_error_contains_the_target_without_the_password(tmp_path: Path) -> None:
    text = connect_error(dsn=f"host={tmp_path} user=u password=s3cret dbname=d")
    assert text.startswith(f"could not connect to user=u dbname=d host={tmp_path}: ")
    assert "s3cret" not in text
    text = connect_error(dsn=f"postgresql://u:s3cret@/d?host={tmp_path}")
    assert f"host={tmp_path}" in text and "s3cret" not in text


def test_both_service_and_dsn_or_empty_ones_are_rejected(database: Database) -> None:
    for target, message in (
        ({"service": "s", "dsn": database.dsn}, "service and dsn cannot be used together"),
        ({"service": ""}, "service and dsn must not be empty"),
        ({"dsn": ""}, "service and dsn must not be empty"),
    ):
        with pytest.raises(ValueError, match=rf"{message}\nhint: "), util.connect(**target):
            pytest.fail("the block must not run")


def test_the_error_for_a_missing_schema_has_a_hint(database: Database) -> None:
    with pytest.raises(errors.UndefinedFunction, match=r"generation_start(.|\n)*\nhint: sqern db migrate"):
        with util.connect(dsn=f"{database.dsn} dbname=postgres", comment="a kernel"):
            pytest.fail("the block must not run")


def test_a_reader_can_read_and_gets_a_hint_for_changes(database: Database) -> None:
    reader = f"{database.dsn} options='-c role=sqern_reader'"
    with util.connect(dsn=reader) as db:
        assert db.cur.execute("SELECT count(*) FROM distro").fetchone() == (2,)
    with pytest.raises(errors.InsufficientPrivilege, match=r"\nhint: GRANT sqern_writer TO "):
        with util.connect(dsn=reader, comment="a kernel"):
            pytest.fail("the block must not run")


def test_the_connection_is_closed_at_the_end_and_after_an_exception(database: Database) -> None:
    with util.connect(dsn=database.dsn) as db:
        conn = db.conn
    assert conn.closed
    with pytest.raises(KeyError), util.connect(dsn=database.dsn, comment="a kernel") as db:
        conn = db.conn
        raise KeyError
    assert conn.closed


def test_a_table_of_the_user_does_not_hide_a_table_of_sqern(database: Database) -> None:
    with psycopg.connect(database.dsn, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA AUTHORIZATION CURRENT_USER")
        admin.execute("DO $$ BEGIN EXECUTE format('CREATE TABLE %I.kver (LIKE public.kver)', current_user); END $$")
    with util.connect(dsn=database.dsn, comment="a kernel") as (_, cur, _):
        cur.execute(ADD, ("4.18.0-1",))
    assert database.rows("SELECT version FROM public.kver") == [("4.18.0-1",)]


def test_repeated_queries_are_not_prepared_because_poolers_mix_sessions(database: Database) -> None:
    with util.connect(dsn=database.dsn) as (_, cur, _):
        for _ in range(8):
            cur.execute("SELECT version FROM kver WHERE distro = %s", ("alma8",))
        assert cur.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
