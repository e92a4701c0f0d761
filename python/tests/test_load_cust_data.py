"""Tests of the sample tool with a real server."""

from __future__ import annotations

import copy
import io
import json
import random
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from conftest import Database
from sqern_tools import load_cust_data

Json = dict[str, Any]
OLD, NEW = "4.18.0-513.el8.x86_64", "4.18.0-553.el8_10.x86_64"
LIVE_HOSTS = """SELECT cluster_name, host_name, distro, version, current FROM cust_host_kver WHERE deleted_at = '-infinity'
                ORDER BY 1, 2, 3, 4"""
LIVE_CLUSTERS = """SELECT c.name, t.name FROM cust_cluster c JOIN cust_cluster_type t ON t.id = c.cltype
                   WHERE deleted_at = '-infinity' ORDER BY 1"""


def host(name: str, running: str = NEW, installed: list[str] | None = None, distro: str = "alma8") -> Json:
    return {"name": name, "distro": distro, "running": running, "installed": [running] if installed is None else installed}


def cluster(name: str, *hosts: Json, type: str | int = "production") -> Json:
    return {"name": name, "type": type, "hosts": list(hosts)}


def report(*clusters: Json) -> Json:
    return {"clusters": list(clusters)}


SAMPLE = report(
    cluster("acme-1", host("h1", NEW, [OLD, NEW]), host("h2", OLD)),
    cluster("bolt-1", host("h1", "6.1.0-25-amd64", distro="debian12"), type=4),
)
SAMPLE_HOSTS = [
    ("acme-1", "h1", "alma8", OLD, False),
    ("acme-1", "h1", "alma8", NEW, True),
    ("acme-1", "h2", "alma8", OLD, True),
    ("bolt-1", "h1", "debian12", "6.1.0-25-amd64", True),
]


class Tool:
    """Runs the tool in this process, with the report as standard input."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch, self.capsys = monkeypatch, capsys

    def __call__(self, data: Json | bytes, *options: str) -> tuple[int, str, str]:
        text = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
        status = load_cust_data.main(["--service", "sqern-test", *options, "-"])
        out, err = self.capsys.readouterr()
        return status, out, err


@pytest.fixture
def tool(by_service: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tool:
    return Tool(monkeypatch, capsys)


def test_a_first_report_is_recorded_in_one_generation(database: Database, tool: Tool) -> None:
    assert tool(SAMPLE) == (0, "clusters: 2, hosts: 3, records changed: 6\n", "")
    assert database.rows(LIVE_HOSTS) == SAMPLE_HOSTS
    assert database.rows(LIVE_CLUSTERS) == [("acme-1", "production"), ("bolt-1", "lab")]
    assert database.rows("SELECT distro, version FROM kver ORDER BY 1, 2") == [
        ("alma8", OLD), ("alma8", NEW), ("debian12", "6.1.0-25-amd64")]
    assert database.generations() == ["update customer host kernel versions"]


def test_the_same_report_again_changes_nothing(database: Database, tool: Tool) -> None:
    tool(SAMPLE)
    events = database.rows("SELECT count(*) FROM event")
    assert tool(SAMPLE, "--comment", "again") == (0, "clusters: 2, hosts: 3, records changed: 0\n", "")
    assert database.rows("SELECT count(*) FROM event") == events
    assert database.generations() == ["update customer host kernel versions"]


def test_a_change_of_the_running_kernel_changes_both_rows(database: Database, tool: Tool) -> None:
    tool(SAMPLE)
    later = copy.deepcopy(SAMPLE)
    later["clusters"][0]["hosts"][0]["running"] = OLD
    assert tool(later, "--dry-run") == (
        0,
        f"changed acme-1 h1 alma8 {OLD} runs\n"
        f"changed acme-1 h1 alma8 {NEW}\n"
        "clusters: 2, hosts: 3, records to change: 2\n",
        "",
    )
    assert tool(later)[0] == 0
    assert database.rows(LIVE_HOSTS)[:2] == [("acme-1", "h1", "alma8", OLD, True), ("acme-1", "h1", "alma8", NEW, False)]


def test_a_removed_kernel_is_marked_as_deleted_and_added_as_a_new_row(database: Database, tool: Tool) -> None:
    tool(SAMPLE)
    later = copy.deepcopy(SAMPLE)
    later["clusters"][0]["hosts"][0]["installed"].remove(OLD)
    assert tool(later)[0] == 0
    assert database.rows(LIVE_HOSTS) == SAMPLE_HOSTS[1:]
    past = "SELECT count(*) FROM cust_host_kver WHERE host_name = 'h1' AND version = %s"
    assert database.rows(past, OLD) == [(1,)]
    assert tool(SAMPLE)[0] == 0
    assert database.rows(LIVE_HOSTS) == SAMPLE_HOSTS
    assert database.rows(past, OLD) == [(2,)]


def test_a_missing_cluster_is_marked_as_deleted_with_its_hosts(database: Database, tool: Tool) -> None:
    tool(SAMPLE)
    later = report(SAMPLE["clusters"][0])
    assert tool(later, "--dry-run", "--accept-shrink")[1].splitlines()[:-1] == [
        "gone bolt-1", "gone bolt-1 h1 debian12 6.1.0-25-amd64"]
    assert tool(later, "--accept-shrink")[0] == 0
    assert database.rows(LIVE_CLUSTERS) == [("acme-1", "production")]
    assert database.rows(LIVE_HOSTS) == SAMPLE_HOSTS[:3]
    SAMPLE_WITH_TYPE = copy.deepcopy(SAMPLE)
    SAMPLE_WITH_TYPE["clusters"][1]["type"] = "poc"
    assert tool(SAMPLE_WITH_TYPE)[0] == 0
    assert database.rows(LIVE_CLUSTERS) == [("acme-1", "production"), ("bolt-1", "poc")]
    assert database.rows(LIVE_HOSTS) == SAMPLE_HOSTS


def test_a_loss_of_more_than_a_fifth_must_be_accepted(database: Database, tool: Tool) -> None:
    hosts = [host(f"h{number}") for number in range(9)]
    tool(report(cluster("acme-1", *hosts)))
    assert tool(report(cluster("acme-1", *hosts[2:])))[0] == 0, "2 of 10 are not more than a fifth"
    tool(report(cluster("acme-1", *hosts)))
    less = report(cluster("acme-1", *hosts[3:]))
    assert tool(less) == (1, "",
        "-: report would delete more than one fifth of the clusters and hosts (3 of 10)\n"
        "hint: Use --accept-shrink if they no longer exist, or --partial if the report contains only some of the clusters.\n")
    assert len(database.rows(LIVE_HOSTS)) == 9
    status, out, err = tool(less, "--dry-run")
    assert (status, out.count("gone acme-1 h"), "--accept-shrink" in err) == (1, 3, True)
    assert tool(less, "--accept-shrink")[0] == 0
    assert len(database.rows(LIVE_HOSTS)) == 6


def test_added_and_removed_kernels_do_not_count_as_a_loss(database: Database, tool: Tool) -> None:
    tool(report(cluster("acme-1", host("h1", "4", ["1", "2", "3", "4"]))))
    assert tool(report(cluster("acme-1", host("h1", "5"))))[0] == 0
    assert database.rows(LIVE_HOSTS) == [("acme-1", "h1", "alma8", "5", True)]


def test_a_partial_report_keeps_clusters_that_it_does_not_contain(database: Database, tool: Tool) -> None:
    tool(SAMPLE)
    part = report(cluster("acme-1", host("h1", NEW), host("h2", NEW)))
    assert tool(part, "--partial")[0] == 0
    assert database.rows(LIVE_HOSTS) == [
        ("acme-1", "h1", "alma8", NEW, True), ("acme-1", "h2", "alma8", NEW, True), SAMPLE_HOSTS[3]]
    assert database.rows(LIVE_CLUSTERS) == [("acme-1", "production"), ("bolt-1", "lab")]
    assert tool(report(cluster("acme-1", host("h1", NEW))), "--partial")[0] == 1, "1 of 2 hosts is more than a fifth"
    assert tool(report(), "--partial")[0] == 0
    assert tool(report())[0] == 1


def test_a_dry_run_changes_nothing(database: Database, tool: Tool) -> None:
    assert tool(SAMPLE, "--dry-run") == (0, "\n".join([
        "new acme-1",
        f"new acme-1 h1 alma8 {OLD}",
        f"new acme-1 h1 alma8 {NEW} runs",
        f"new acme-1 h2 alma8 {OLD} runs",
        "new bolt-1",
        "new bolt-1 h1 debian12 6.1.0-25-amd64 runs",
        "clusters: 2, hosts: 3, records to change: 6\n",
    ]), "")
    assert database.rows("SELECT (SELECT count(*) FROM cust_cluster) + (SELECT count(*) FROM kver)") == [(0,)]
    assert database.generations() == []


INVALID: list[tuple[Any, str]] = [
    ([], "report: expected an object, found []"),
    ({}, 'report: expected an object with "clusters", found {}'),
    ({"clusters": {}}, "clusters: expected a list, found {}"),
    (report("acme"), 'clusters[0]: expected an object, found "acme"'),  # type: ignore[arg-type]
    (report(cluster("a"), {"name": "b"}), 'clusters[1]: expected an object with "type", found {"name": "b"}'),
    (report(cluster(" a")),
        'clusters[0].name: expected a name without control characters and without leading or trailing blanks, found " a"'),
    (report(cluster("a\nb")), "clusters[0].name: expected a name without control characters"),
    (report(cluster("a\x00b")), "clusters[0].name: expected a name without control characters"),
    (report(cluster("a\ud800b")), "clusters[0].name: expected a name without control characters"),
    (report(cluster("a\n")), "clusters[0].name: expected a name without control characters"),
    (report(cluster("")), "clusters[0].name: expected a name without control characters"),
    (report(cluster(7)), "clusters[0].name: expected a name"),  # type: ignore[arg-type]
    (report(cluster("a"), cluster("a")), 'clusters[1].name: expected a unique cluster name, found "a"'),
    (report(cluster("a", type="prod")), 'clusters[0].type: expected a cluster type: 1 or "production", 2 or "poc", '),
    (report(cluster("a", type=7)), "clusters[0].type: expected a cluster type: "),
    (report(cluster("a", type=True)), "clusters[0].type: expected a cluster type: "),
    (report(cluster("a", host("h"), host("h"))), "clusters[0].hosts[1].name: expected a unique host name in the cluster"),
    (report(cluster("a", host("h", distro="alma7"))), "clusters[0].hosts[0].distro: expected a distribution that `sqern distro list` prints"),
    (report(cluster("a", host("h", "", [NEW]))), "clusters[0].hosts[0].running: expected a kernel version"),
    (report(cluster("a", host("h", installed=[NEW, ""]))), "clusters[0].hosts[0].installed[1]: expected a kernel version"),
    (report(cluster("a", host("h", installed=["x" * 60, "x\x7f"]))), "clusters[0].hosts[0].installed[1]: expected a kernel version"),
    (report(cluster("a" * 254)), 'clusters[0].name: expected a name of at most 253 characters, found "aaa'),
    (report(cluster("a", host("h" * 9000))), "clusters[0].hosts[0].name: expected a name of at most 253 characters"),
    (report(cluster("a", host("h", "6" * 65))), "clusters[0].hosts[0].installed[0]: expected a kernel version"),
    (report(cluster("a", host("h", "../../x"))), "clusters[0].hosts[0].installed[0]: expected a kernel version"),
    (report(cluster("a", host("h", "$(id)"))), "clusters[0].hosts[0].installed[0]: expected a kernel version"),
    (b'{"clusters": [], "clusters": []}', 'report: duplicate key "clusters" in {"clusters": []}\n'),
    (b'{"clusters": [{"name": "a", "name": "b"}]}', 'report: duplicate key "name" in {"name": "b"}\n'),
    (json.dumps(SAMPLE).replace('"distro"', '"distro": "alma8", "distro"', 1).encode(), 'report: duplicate key "distro" in {"name": "h1", '),
    (b'{"clusters": [\n}', "line 2, column 1: invalid JSON: "),
    (b"", "line 1, column 1: invalid JSON: "),
    (b'{"clusters": "\xff"}', "report: invalid JSON: 'utf-8' codec can't decode "),
    (b"[" * 100_000, "report: invalid JSON: "),
]


@pytest.mark.parametrize(("data", "message"), INVALID, ids=range(len(INVALID)))
def test_an_invalid_value_rejects_the_whole_report_with_its_path(data: Any, message: str, database: Database, tool: Tool) -> None:
    if isinstance(data, dict) and isinstance(data.get("clusters"), list):
        data["clusters"].append(cluster("a good one", host("h")))
    status, out, err = tool(data if isinstance(data, bytes) else json.dumps(data).encode())
    assert (status, out) == (1, "")
    assert err.startswith(f"-: {message}"), err
    assert database.rows("SELECT (SELECT count(*) FROM cust_cluster) + (SELECT count(*) FROM kver)") == [(0,)]
    assert database.generations() == []


def test_names_that_the_database_accepts_are_stored_unchanged(database: Database, tool: Tool) -> None:
    names = ["a b", "ünïcode", "日本", "quote'", 'double"', "back\\slash", "\\N", "\\.", "tab", "%s", "{}", "😀", "a\u00a0b"]
    versions = ["6" * 64, "6.1~rc1+b_2:3-x"]
    hosts = [(name, version) for name in names for version in versions]
    clusters = (cluster(name, *(host(name + version, running=version) for version in versions)) for name in names)
    assert tool(report(*clusters))[0] == 0
    assert sorted(row[:4] for row in database.rows(LIVE_HOSTS)) == sorted((name, name + version, "alma8", version) for name, version in hosts)


def test_after_random_reports_the_database_is_equal_to_the_last_one(database: Database, tool: Tool) -> None:
    chance = random.Random(20260501)
    for _ in range(25):
        clusters, expected, expected_types = [], [], []
        types: list[str] = ["production", "poc", "custdev", "lab"]
        for name in chance.sample(["a", "b", "c"], chance.randint(0, 3)):
            hosts = []
            for host_name in chance.sample(["h1", "h2", "h3"], chance.randint(0, 3)):
                distro = chance.choice(["alma8", "debian12"])
                installed, running = chance.choices("1234", k=chance.randint(0, 4)), chance.choice("1234")
                hosts.append(host(host_name, running, installed, distro))
                expected += [(name, host_name, distro, version, version == running) for version in {*installed, running}]
            number = chance.randrange(4)
            clusters.append(cluster(name, *hosts, type=types[number] if chance.random() < 0.5 else number + 1))
            expected_types.append((name, types[number]))
        assert tool(report(*clusters), "--accept-shrink")[0] == 0
        assert database.rows(LIVE_HOSTS) == sorted(expected)
        assert database.rows(LIVE_CLUSTERS) == sorted(expected_types)


def test_a_report_waits_for_a_concurrent_transaction(by_service: Database, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report(cluster("acme-1", host("h1", NEW)))))
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(by_service.dsn) as other:
        other.execute("INSERT INTO kver (distro, version) VALUES ('alma8', %s)", (NEW,))
        other.execute("INSERT INTO cust_cluster (name, cltype) VALUES ('acme-1', 1)")
        other.execute("""INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
                         VALUES ('acme-1', 'h1', 'alma8', %s, true)""", (NEW,))
        command = [sys.executable, "-m", "sqern_tools.load_cust_data", "--service", "sqern-test", str(file)]
        tool = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while tool.poll() is None and not by_service.rows(waiting):
            pass
    assert tool.communicate() == ("clusters: 1, hosts: 1, records changed: 0\n", "")
    assert by_service.rows(LIVE_HOSTS) == [("acme-1", "h1", "alma8", NEW, True)]


def test_the_wheel_contains_types_and_a_command() -> None:
    files = {str(file) for file in distribution("sqern_tools").files or []}
    assert {"sqern_tools/py.typed", "sqern_tools/util.py", "sqern_tools/load_cust_data.py"} <= files
    command = Path(sys.executable).with_name("load-cust-data")
    done = subprocess.run([str(command), "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: load-cust-data ")


def test_the_module_loads_a_file_and_exits_with_a_status(by_service: Database, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(json.dumps(SAMPLE))
    module = [sys.executable, "-m", "sqern_tools.load_cust_data"]

    def run(*args: str) -> tuple[int, str, str]:
        done = subprocess.run([*module, *args], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert run("--service", "sqern-test", str(file)) == (0, "clusters: 2, hosts: 3, records changed: 6\n", "")
    status, _, err = run("--service", "sqern-test", str(tmp_path / "none.json"))
    assert (status, "none.json" in err, "Traceback" in err) == (1, True, False)
    status, _, err = run("--service", "nowhere", str(file))
    assert (status, "could not connect to service nowhere: " in err, "Traceback" in err) == (1, True, False)
    assert run("--unknown")[0] == 2
