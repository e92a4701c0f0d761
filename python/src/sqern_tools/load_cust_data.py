"""Records the running and installed kernel versions of customer hosts. It is an example of a program that changes a sqern database.

The program reads a monitoring report,

    {"clusters": [{"name": "acme-1", "type": "production", "hosts": [
        {"name": "h1", "distro": "alma8", "running": "4.18.0-553.el8_10.x86_64", "installed": ["4.18.0-553.el8_10.x86_64"]}]}]}

and updates the tables kver, cust_cluster and cust_host_kver in one generation. Rows that are not in the report are marked as deleted. An
invalid report changes nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from sqern_tools import util

# The constraint of names in the database: not empty, no leading or trailing blanks, no control characters.
NAME = re.compile(r"(?!\s)[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+(?<!\s)")
# The constraint of kernel versions.
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~:-]{0,63}")
# The limits of sqern for the length of a cluster or host name, and of a distribution.
HOST_CHARACTERS, DISTRO_CHARACTERS = 253, 64


class ReportError(ValueError):
    """The report is invalid. The message contains the path, the expected value and the value found."""


@dataclass
class Report:
    """A valid report."""

    clusters: dict[str, int] = field(default_factory=dict)
    """Maps the name of a cluster to its type."""

    kernels: dict[tuple[str, str], tuple[str, dict[str, bool]]] = field(default_factory=dict)
    """Maps a cluster and host to the distribution, and to the kernels with a flag for the running one."""


@dataclass(frozen=True)
class Node:
    """A value of the report and its path, for example clusters[0].hosts[2].distro."""

    value: Any
    path: str

    def error(self, expected: str) -> ReportError:
        return ReportError(f"{self.path or 'report'}: expected {expected}, found {shorten(self.value)}")

    def get(self, key: str) -> Node:
        if not isinstance(self.value, dict):
            raise self.error("an object")
        if key not in self.value:
            raise self.error(f'an object with "{key}"')
        return Node(self.value[key], f"{self.path}.{key}".lstrip("."))

    def items(self) -> Iterator[Node]:
        if not isinstance(self.value, list):
            raise self.error("a list")
        return (Node(value, f"{self.path}[{index}]") for index, value in enumerate(self.value))

    def name(self, limit: int) -> str:
        if not isinstance(self.value, str) or not NAME.fullmatch(self.value):
            raise self.error("a name without control characters and without leading or trailing blanks")
        if len(self.value) > limit:
            raise self.error(f"a name of at most {limit} characters")
        return self.value

    def version(self) -> str:
        if not isinstance(self.value, str) or not VERSION.fullmatch(self.value):
            raise self.error("a kernel version that starts with a letter or digit, and consists of at most 64 letters, digits and . _ + ~ : -")
        return self.value


def shorten(value: Any) -> str:
    """Returns the first characters of a value as JSON."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Returns a JSON object. Raises `ReportError` if it contains a key twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        duplicate = next(key for key in keys if keys.count(key) > 1)
        raise ReportError(f"report: duplicate key {json.dumps(duplicate)} in {shorten(value)}")
    return value


def parse(data: bytes, types: dict[str, int], distros: set[str]) -> Report:
    """Parses the report in `data`. `types` (name to number) and `distros` are the contents of the database. Raises `ReportError`."""
    try:
        root = Node(json.loads(data, object_pairs_hook=unique_keys), "")
    except ReportError:
        raise
    except json.JSONDecodeError as error:
        raise ReportError(f"line {error.lineno}, column {error.colno}: invalid JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ReportError(f"report: invalid JSON: {error}") from error
    report = Report()
    for cluster in root.get("clusters").items():
        name = cluster.get("name").name(HOST_CHARACTERS)
        if name in report.clusters:
            raise cluster.get("name").error("a unique cluster name")
        report.clusters[name] = parse_type(cluster.get("type"), types)
        for host in cluster.get("hosts").items():
            key = (name, host.get("name").name(HOST_CHARACTERS))
            if key in report.kernels:
                raise host.get("name").error("a unique host name in the cluster")
            if (distro := host.get("distro").name(DISTRO_CHARACTERS)) not in distros:
                raise host.get("distro").error("a distribution that `sqern distro list` prints")
            kernels = dict.fromkeys((kernel.version() for kernel in host.get("installed").items()), False)
            kernels[host.get("running").version()] = True
            report.kernels[key] = (distro, kernels)
    return report


def parse_type(node: Node, types: dict[str, int]) -> int:
    """Returns the number of a cluster type that is specified by its name or number."""
    if isinstance(node.value, str) and node.value in types:
        return types[node.value]
    if type(node.value) is int and node.value in types.values():
        return node.value
    raise node.error("a cluster type: " + ", ".join(f"{number} or {json.dumps(name)}" for name, number in types.items()))


def copy_in(cur: psycopg.Cursor[Any], report: Report) -> None:
    """Copies the report to temporary tables."""
    cur.execute("CREATE TEMPORARY TABLE report_cluster (name text, cltype integer) ON COMMIT DROP")
    with cur.copy("COPY report_cluster FROM STDIN") as copy:
        for row in report.clusters.items():
            copy.write_row(row)
    cur.execute("""CREATE TEMPORARY TABLE report_kernel (cluster_name text, host_name text, distro text, version text,
                                                         current boolean) ON COMMIT DROP""")
    with cur.copy("COPY report_kernel FROM STDIN") as copy:
        for host, (distro, kernels) in report.kernels.items():
            for version, current in kernels.items():
                copy.write_row((*host, distro, version, current))
    cur.execute("ANALYZE report_cluster, report_kernel")


def compare(cur: psycopg.Cursor[Any], *, partial: bool) -> None:
    """Compares the report with the database and writes the differences to temporary tables, one row per change.

    The action is new, changed or gone. With `partial`, clusters that are not in the report remain unchanged.
    """
    # This lock blocks writers until the end of the transaction, but not readers.
    cur.execute("LOCK TABLE cust_cluster, cust_host_kver IN SHARE ROW EXCLUSIVE MODE")
    cur.execute("""
        CREATE TEMPORARY TABLE change_cluster ON COMMIT DROP AS
        SELECT name, r.cltype, CASE WHEN c.name IS NULL THEN 'new' WHEN r.name IS NULL THEN 'gone' ELSE 'changed' END AS action
        FROM report_cluster r
        FULL JOIN (SELECT * FROM cust_cluster WHERE deleted_at = '-infinity') c USING (name)
        WHERE r.cltype IS DISTINCT FROM c.cltype AND (r.name IS NOT NULL OR NOT %(partial)s)""", {"partial": partial})
    cur.execute("""
        CREATE TEMPORARY TABLE change_kernel ON COMMIT DROP AS
        SELECT h.id, cluster_name, host_name, distro, version, r.current,
               CASE WHEN h.id IS NULL THEN 'new' WHEN r.current IS NULL THEN 'gone' ELSE 'changed' END AS action
        FROM report_kernel r
        FULL JOIN (SELECT * FROM cust_host_kver WHERE deleted_at = '-infinity') h USING (cluster_name, host_name, distro, version)
        WHERE r.current IS DISTINCT FROM h.current
          AND (cluster_name IN (SELECT name FROM report_cluster) OR NOT %(partial)s)""", {"partial": partial})


def refuse_shrink(cur: psycopg.Cursor[Any], *, partial: bool) -> None:
    """Raises `ReportError` if more than a fifth of the clusters and hosts would be deleted, because the report is probably incomplete.

    Kernels do not count, because every update changes them.
    """
    cur.execute("""
        WITH reported AS (
            SELECT name AS cluster, NULL AS host FROM report_cluster
            UNION SELECT cluster_name, host_name FROM report_kernel
        ), known AS (
            SELECT name AS cluster, NULL AS host FROM cust_cluster WHERE deleted_at = '-infinity'
            UNION SELECT cluster_name, host_name FROM cust_host_kver WHERE deleted_at = '-infinity'
        ), scope AS (
            SELECT * FROM known WHERE NOT %(partial)s OR cluster IN (SELECT name FROM report_cluster)
        )
        SELECT (SELECT count(*) FROM scope), (SELECT count(*) FROM (TABLE scope EXCEPT TABLE reported) AS gone)
        """, {"partial": partial})
    ((known, gone),) = cur.fetchall()
    if gone * 5 > known:
        hint = "Use --accept-shrink if they no longer exist"
        if not partial:
            hint += ", or --partial if the report contains only some of the clusters"
        raise ReportError(f"report would delete more than one fifth of the clusters and hosts ({gone} of {known})\nhint: {hint}.")


def apply(cur: psycopg.Cursor[Any]) -> None:
    """Applies the changes."""
    cur.execute("INSERT INTO kver (distro, version) SELECT DISTINCT distro, version FROM report_kernel ON CONFLICT DO NOTHING")
    cur.execute("""
        INSERT INTO cust_cluster (name, cltype) SELECT name, cltype FROM change_cluster WHERE action <> 'gone'
        ON CONFLICT (name) DO UPDATE SET cltype = excluded.cltype, deleted_at = '-infinity'""")
    cur.execute("""
        UPDATE cust_cluster SET deleted_at = now()
        WHERE name IN (SELECT name FROM change_cluster WHERE action = 'gone')""")
    cur.execute("""
        UPDATE cust_host_kver SET deleted_at = now()
        WHERE id IN (SELECT id FROM change_kernel WHERE action = 'gone')""")
    # A unique index allows one running kernel per host, so the flag of the old kernel is cleared first.
    for current in (False, True):
        cur.execute("""
            UPDATE cust_host_kver SET current = %(current)s
            WHERE id IN (SELECT id FROM change_kernel WHERE action = 'changed' AND current = %(current)s)""",
            {"current": current})
    cur.execute("""
        INSERT INTO cust_host_kver (cluster_name, host_name, distro, version, current)
        SELECT cluster_name, host_name, distro, version, current FROM change_kernel WHERE action = 'new'""")


def changes(cur: psycopg.Cursor[Any]) -> list[tuple[str, ...]]:
    """Returns the changes as rows of text: action, cluster, host, distribution, version, and "runs" for the running kernel."""
    cur.execute("""
        SELECT action, name, NULL, NULL, NULL, NULL FROM change_cluster
        UNION ALL SELECT action, cluster_name, host_name, distro, version, CASE WHEN current THEN 'runs' END FROM change_kernel
        ORDER BY 2, 3 NULLS FIRST, 4, 5""")
    return [tuple(value for value in row if value is not None) for row in cur]


def load(data: bytes, args: argparse.Namespace) -> None:
    """Loads the report in `data` with the options of the command line."""
    with util.connect(args.service, args.comment) as (_, cur, _):
        types: dict[str, int] = dict(cur.execute("SELECT name, id FROM cust_cluster_type ORDER BY id").fetchall())
        distros: set[str] = {name for (name,) in cur.execute("SELECT name FROM distro")}
        report = parse(data, types, distros)
        copy_in(cur, report)
        compare(cur, partial=args.partial)
        found = changes(cur)
        if args.dry_run:
            for row in found:
                print(*row)
        if not args.accept_shrink:
            refuse_shrink(cur, partial=args.partial)
        if args.dry_run:
            raise psycopg.Rollback
        apply(cur)
    done = "to change" if args.dry_run else "changed"
    print(f"clusters: {len(report.clusters)}, hosts: {len(report.kernels)}, records {done}: {len(found)}")


def main(argv: list[str] | None = None) -> int:
    """Runs the program and returns the exit status: 0 success, 1 failure. A usage error exits with status 2."""
    parser = argparse.ArgumentParser(prog="load-cust-data", description="Record the kernels of customer hosts.")
    parser.add_argument("file", metavar="FILE", help="report in JSON format (- for standard input)")
    parser.add_argument("--service", metavar="NAME", help="service of pg_service.conf [default: PGSERVICE, PGHOST, …]")
    parser.add_argument("--comment", default="update customer host kernel versions", help="reason of the changes [default: %(default)s]")
    parser.add_argument("--partial", action="store_true", help="do not change clusters that are not in the report")
    parser.add_argument("--accept-shrink", action="store_true", help="accept a report that deletes more than one fifth of the clusters and hosts")
    parser.add_argument("--dry-run", action="store_true", help="print the changes without applying them")
    args = parser.parse_args(argv)
    try:
        load(sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes(), args)
    except (ReportError, psycopg.Error, OSError, ValueError) as error:
        print(f"{args.file}: {error}", file=sys.stderr)
        return 1
    return 0


def run() -> None:
    """Exits with the status of `main()`."""
    sys.exit(main())


if __name__ == "__main__":
    run()
