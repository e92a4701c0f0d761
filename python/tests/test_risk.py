"""Compares reports of the program with an independent computation, and with queries of psql and Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Optional

import fleet
import psycopg
import pytest
from conftest import Database, sqern
from sqern_tools import util

VERSIONS = {
    "alma8": [f"4.18.0-{major}.{minor}el8_10.x86_64" for major in (9, 80, 477, 553) for minor in ("", *(f"{n}.1." for n in range(1, 13)))],
    "debian12": [f"6.1.0-{number}-{flavor}" for number in range(1, 20) for flavor in ("amd64", "cloud-amd64", "rt-amd64")],
}
KERNELS = [(distro, version) for distro, versions in VERSIONS.items() for version in versions]


def record(database: Database, made: fleet.Fleet, folder: Path) -> None:
    """Records the fleet and its kernels in the database."""
    with psycopg.connect(database.dsn) as conn:
        for table in ("sp_build", "sp_test"):
            conn.execute(f"ALTER TABLE {table} ALTER COLUMN id RESTART")
        for table, rows in made.tables().items():
            with conn.cursor().copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    report = folder / "report.json"
    report.write_text(json.dumps(made.report()))
    sqern("cust", "load", str(report), "--dsn", database.dsn)


def report_json(database: Database, *args: str) -> dict[str, Any]:
    printed: dict[str, Any] = json.loads(sqern("report", *args, "--json", "--dsn", database.dsn))
    return printed


def rows(printed: dict[str, Any], *columns: str) -> list[tuple[Any, ...]]:
    # The step "not seen" is missing since the load of the report, whose time the fleet does not contain.
    return [
        tuple(None if column == "missing_since" and item["missing"] == "not seen" else item[column] for column in columns)
        for item in printed["items"]
    ]


HOST = ("type", "cluster", "host", "distro", "version", "role", "missing", "missing_since", "state")
KERNEL = ("type", "distro", "version", "hosts", "running", "newest", "missing", "missing_since", "state")


@pytest.mark.parametrize("seed", [1, 2])
def test_hosts_at_risk_equal_those_of_an_independent_computation(database: Database, tmp_path: Path, seed: int) -> None:
    made = fleet.make(KERNELS, clusters=40, hosts=6, seed=seed)
    record(database, made, tmp_path)
    for target in (None, "prod"):
        of: list[str] = ["--target", target] if target else []
        expected = made.risk(target)
        # The comparison is meaningful only if each missing step occurs at least once.
        assert {row[6] for row in expected} >= {"not seen", "not fetched", "not built", "build failed", "harness failed"}
        assert rows(report_json(database, "risk", "--hosts", *of), *HOST) == expected
        by_kernel = report_json(database, "risk", *of)
        assert rows(by_kernel, *KERNEL) == made.risk_by_kernel(target)
        wanted = {row[:3] for row in expected if row[8] == "wanted"}
        assert sum(row["at_risk"] for row in by_kernel["types"]) == len(wanted)
        assert sum(row["hosts"] for row in by_kernel["types"]) == len(made.hosts)
    assert report_json(database, "risk", "--distro", "alma8", "--hosts")["items"] == [
        item for item in report_json(database, "risk", "--hosts")["items"] if item["distro"] == "alma8"
    ]


RUNNING = """SELECT c.cltype, h.cluster_name, h.host_name, s.distro, s.version, s.missing
FROM cust_host_kver AS h
JOIN cust_cluster AS c ON c.name = h.cluster_name AND c.deleted_at = '-infinity'
JOIN kver_status AS s USING (distro, version)
WHERE h.current AND h.deleted_at = '-infinity' AND s.missing IS NOT NULL AND NOT (s.archived OR s.ignored)
ORDER BY 1, 2, 3"""


def test_psql_python_and_the_command_return_the_same_hosts(by_service: Database, tmp_path: Path) -> None:
    made = fleet.make(KERNELS, clusters=20, hosts=4, seed=3)
    record(by_service, made, tmp_path)
    with util.connect(by_service.service) as db:
        in_python = db.cur.execute(RUNNING).fetchall()
    listed = report_json(by_service, "risk", "--hosts")["items"]
    number = {name: number for number, name in fleet.TYPES.items()}
    by_command = [
        (number[item["type"]], item["cluster"], item["host"], item["distro"], item["version"], item["missing"])
        for item in listed
        if item["role"] == "running" and item["state"] == "wanted"
    ]
    assert in_python == by_command and by_command


def counted(kernels: list[dict[str, Any]], distro: str, stage: str) -> int:
    return sum(row["distro"] == distro and row["stage"] == stage and row["wanted"] for row in kernels)


@pytest.mark.parametrize("at", [None, "then"])
def test_each_number_of_a_report_is_the_length_of_its_list(database: Database, tmp_path: Path, at: Optional[str]) -> None:
    made = fleet.make(KERNELS, clusters=10, hosts=4, seed=4)
    record(database, made, tmp_path)
    of: list[str] = []
    if at:
        [(generation,)] = database.rows("SELECT max(id) FROM generation")
        of = ["--at", str(generation)]
        database.run("DELETE FROM kver_fetched")
        database.run("UPDATE sp_available_kver SET deleted_at = now()")
        database.run("UPDATE cust_host_kver SET deleted_at = now() WHERE host_name = 'h0'")
    kernels = report_json(database, "coverage", "--kernels", *of)["items"]
    assert len(kernels) == len(KERNELS)
    for row in report_json(database, "coverage", *of)["items"]:
        for stage in ("known", "seen", "fetched", "built", "tested", "available"):
            assert row[stage] == counted(kernels, row["distro"], stage)
    missing = {(row["distro"], row["version"]): row["missing"] for row in kernels}
    assert all(missing[kernel] == (made.missing(kernel, None) or (None,))[0] for kernel in KERNELS)

    hosts = report_json(database, "risk", "--hosts", *of)["items"]
    assert rows({"items": hosts}, *HOST) == made.risk()
    for row in report_json(database, "risk", *of)["items"]:
        listed = [host for host in hosts if all(host[key] == row[key] for key in ("type", "distro", "version"))]
        assert (row["hosts"], row["running"]) == (len(listed), sum(host["role"] == "running" for host in listed))

    listed = report_json(database, "lag", "--kernels", *of)["items"]
    for row in report_json(database, "lag", *of)["items"]:
        if row["step"] == "seen to fetched":
            of_distro = [kernel for kernel in listed if kernel["distro"] == row["distro"] and kernel["seen_at"]]
            assert row["done"] == sum(bool(kernel["fetched_at"]) for kernel in of_distro)
    activity = report_json(database, "activity", "--since", "0", "--kernels", *of)["items"]
    for row in report_json(database, "activity", "--since", "0", *of)["items"]:
        for step in ("known", "seen", "fetched", "built", "tested", "available", "withdrawn"):
            listed = [item for item in activity if item["generation"] == row["generation"] and item["what"] == step]
            assert row[step] == len(listed)
    assert sum(item["what"] == "seen" for item in activity) == len(made.seen)
