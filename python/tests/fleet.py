"""Creates a random fleet with records of its kernels, and computes the hosts at risk.

The computation is independent of the program and the database. Tests compare its results with those of the program.
"""

from __future__ import annotations

import functools
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Optional

Kernel = tuple[str, str]
TYPES = {1: "production", 2: "poc", 3: "custdev", 4: "lab", 5: "out of support", 6: "our test"}
TARGETS = ("lab", "prod")
RESULTS = ("SUCCESS", "SUCCESS", "SUCCESS", "FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT", None)
DPKG = ("debian", "ubuntu", "proxmox", "devuan", "gardenlinux", "kali", "linuxmint", "raspbian", "raspios")


@dataclass
class Run:
    """A build, or a test run of a build. `kernels` contains the separate results of kernels."""

    number: int
    at: str
    result: Optional[str]
    kernels: dict[Kernel, Optional[str]]
    target: str
    build: int = 0

    def result_of(self, kernel: Kernel) -> Optional[str]:
        return self.kernels[kernel] or self.result


@dataclass
class Host:
    cltype: int
    cluster: str
    name: str
    distro: str
    running: Optional[str]
    installed: list[str]


@dataclass
class Fleet:
    kernels: list[Kernel]
    hosts: list[Host]
    seen: dict[Kernel, str] = field(default_factory=dict)
    fetched: dict[Kernel, str] = field(default_factory=dict)
    builds: list[Run] = field(default_factory=list)
    tests: list[Run] = field(default_factory=list)
    available: dict[Kernel, set[str]] = field(default_factory=dict)
    archived: set[Kernel] = field(default_factory=set)
    ignored: set[Kernel] = field(default_factory=set)

    def report(self) -> dict[str, Any]:
        """Returns the fleet as a report for `sqern cust load`."""
        clusters: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
        for host in self.hosts:
            record: dict[str, Any] = {"name": host.name, "distro": host.distro, "installed": host.installed}
            if host.running:
                record["running"] = host.running
            clusters[host.cluster, host.cltype].append(record)
        return {"clusters": [{"name": name, "type": cltype, "hosts": hosts} for (name, cltype), hosts in clusters.items()]}

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Returns the rows that the report does not contain, by table and columns. Builds and tests are numbered from 1."""
        rows: dict[str, list[tuple[Any, ...]]] = {
            "kver (distro, version, archived)": [(*kernel, kernel in self.archived) for kernel in self.kernels],
            "kver_ignore (distro, pattern)": [(distro, escape(version)) for distro, version in sorted(self.ignored)],
            "kver_seen (distro, version, tstamp)": [(*kernel, at) for kernel, at in self.seen.items()],
            "kver_fetched (distro, version, tstamp)": [(*kernel, at) for kernel, at in self.fetched.items()],
            "sp_build (tstamp, result, storpool_revision, release_target)":
                [(run.at, run.result, f"21.{run.number}", run.target) for run in self.builds],
            "sp_build_kver (build_id, distro, version, result)":
                [(run.number, *kernel, result) for run in self.builds for kernel, result in run.kernels.items()],
            "sp_test (tstamp, build_id)": [(run.at, run.build) for run in self.tests],
            "sp_test_result (test_id, result)": [(run.number, run.result) for run in self.tests],
            "sp_test_kver (test_id, distro, version, result)":
                [(run.number, *kernel, result) for run in self.tests for kernel, result in run.kernels.items()],
            "sp_available_kver (storpool_revision, release_target, distro, version)":
                [("21.1", target, *kernel) for kernel, targets in self.available.items() for target in sorted(targets)],
        }
        return rows

    def missing(self, kernel: Kernel, target: Optional[str]) -> Optional[tuple[str, Optional[str]]]:
        """Returns the missing step of a kernel for a target, and its time. None if the kernel is available.

        The time is None if only the journal contains it.
        """
        if self.available.get(kernel, set()) & (set(TARGETS) if target is None else {target}):
            return None
        builds = [run for run in self.builds if kernel in run.kernels and target in (None, run.target)]
        tests = [run for run in self.tests if kernel in run.kernels and target in (None, run.target)]
        tested = [run for run in tests if run.result_of(kernel) == "SUCCESS"]
        built = [run for run in builds if run.result_of(kernel) == "SUCCESS"]
        if tested:
            return "not available", min(run.at for run in tested)
        if built:
            runs_of_kernel = [run for run in tests if run.build == built[-1].number]
            return last_of(runs_of_kernel, kernel, "test") or ("not tested", min(run.at for run in built))
        if builds:
            return last_of(builds, kernel, "build")
        if kernel in self.fetched:
            return "not built", self.fetched[kernel]
        if kernel in self.seen:
            return "not fetched", self.seen[kernel]
        return "not seen", None

    def risk(self, target: Optional[str] = None) -> list[tuple[Any, ...]]:
        """Returns the hosts at risk: type, cluster, host, distro, version, role, missing, since, state."""
        rows: list[tuple[Any, ...]] = []
        for host in self.hosts:
            installed = set(host.installed) | ({host.running} if host.running else set())
            newest = max(installed, key=functools.cmp_to_key(functools.partial(compare, host.distro)))
            roles = ([(host.running, "running")] if host.running else []) + ([(newest, "newest")] if newest != host.running else [])
            for version, role in roles:
                kernel = (host.distro, version)
                missing = self.missing(kernel, target)
                if missing:
                    state = "archived" if kernel in self.archived else "ignored" if kernel in self.ignored else "wanted"
                    rows.append((host.cltype, host.cluster, host.name, *kernel, role, *missing, state))
        rows.sort(key=lambda row: (*row[:3], row[5] == "newest"))
        return [(TYPES[row[0]], *row[1:]) for row in rows]

    def risk_by_kernel(self, target: Optional[str] = None) -> list[tuple[Any, ...]]:
        """Returns the kernels at risk: type, distro, version, hosts, running, newest, missing, since, state."""
        groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
        for row in self.risk(target):
            groups[row[0], row[3], row[4], row[6], row[7], row[8]].append(row)
        rows = []
        for (cltype, distro, version, missing, since, state), hosts in groups.items():
            running = sum(row[5] == "running" for row in hosts)
            rows.append((cltype, distro, version, len(hosts), running, len(hosts) - running, missing, since, state))
        number = {name: number for number, name in TYPES.items()}

        def order(a: tuple[Any, ...], b: tuple[Any, ...]) -> int:
            def key(row: tuple[Any, ...]) -> tuple[Any, ...]:
                return (number[row[0]], row[8] != "wanted", -row[3], row[1])
            return (key(a) > key(b)) - (key(a) < key(b)) or compare(a[1], b[2], a[2])

        return sorted(rows, key=functools.cmp_to_key(order))


def last_of(runs_of_kernel: list[Run], kernel: Kernel, kind: str) -> Optional[tuple[str, Optional[str]]]:
    if not runs_of_kernel:
        return None
    result = runs_of_kernel[-1].result_of(kernel)
    if result in ("FAILURE", "UNSTABLE"):
        return f"{kind} failed", min(run.at for run in runs_of_kernel if run.result_of(kernel) in ("FAILURE", "UNSTABLE"))
    return (kind + "ing" if kind == "test" else "building") if result is None else "harness failed", runs_of_kernel[-1].at


def make(kernels: Iterable[Kernel], clusters: int, hosts: int, seed: int) -> Fleet:
    """Returns a random fleet of clusters, each with at most `hosts` hosts with some of the kernels."""
    chance = random.Random(seed)
    by_distro: dict[str, list[str]] = defaultdict(list)
    for distro, version in sorted(set(kernels)):
        by_distro[distro].append(version)
    everything = [(distro, version) for distro, versions in by_distro.items() for version in versions]
    machines = []
    for cluster in range(clusters):
        cltype = chance.choice((1, 1, 1, 2, 3, 4, 5, 6))
        for host in range(chance.randint(1, hosts)):
            distro = chance.choice(list(by_distro))
            installed = chance.sample(by_distro[distro], min(chance.randint(1, 4), len(by_distro[distro])))
            running = chance.choice([*installed, None]) if chance.random() < 0.2 else installed[0]
            machines.append(Host(cltype, f"cluster-{cluster:04}", f"h{host}", distro, running, installed))
    fleet = Fleet(everything, machines)
    minutes = iter(range(1_000_000))

    def later() -> str:
        minute = next(minutes)
        return f"2026-{1 + minute // 40320:02}-{1 + minute // 1440 % 28:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"

    def some(of: Iterable[Kernel], share: float) -> list[Kernel]:
        return [kernel for kernel in of if chance.random() < share]

    fleet.archived = set(some(everything, 0.03))
    fleet.ignored = set(some(everything, 0.05))
    at = later()
    fleet.seen = dict.fromkeys(some(everything, 0.9), at)
    at = later()
    fleet.fetched = dict.fromkeys(some(fleet.seen, 0.85), at)
    for number in range(1, 13):
        of = {kernel: chance.choice(RESULTS) if chance.random() < 0.4 else None for kernel in some(fleet.fetched, 0.15)}
        fleet.builds.append(Run(number, later(), chance.choice(RESULTS), of, chance.choice(TARGETS)))
    for number in range(1, 13):
        build = chance.choice(fleet.builds)
        of = {kernel: chance.choice(RESULTS) if chance.random() < 0.4 else None for kernel in some(build.kernels, 0.5)}
        fleet.tests.append(Run(number, later(), chance.choice(RESULTS), of, build.target, build.number))
    for run in fleet.tests:
        for kernel in run.kernels:
            if run.result_of(kernel) == "SUCCESS" and chance.random() < 0.7:
                fleet.available.setdefault(kernel, set()).add(run.target)
    return fleet


def escape(version: str) -> str:
    """Returns the LIKE pattern that matches only this text."""
    return re.sub(r"([\\%_])", r"\\\1", version)


def compare(distro: str, left: str, right: str) -> int:
    """Compares versions by deb-version(7) for Debian and derivatives, otherwise by rpm-version(7), then as text."""
    rule = dpkg if distro.startswith(DPKG) else rpm
    return rule(left, right) or (left > right) - (left < right)


def evr(version: str) -> tuple[str, str, str]:
    epoch, colon, rest = version.partition(":")
    if not colon:
        epoch, rest = "", version
    upstream, _, revision = rest.rpartition("-")
    return (epoch, upstream, revision) if upstream or "-" in rest else (epoch, revision, "")


def dpkg(left: str, right: str) -> int:
    def weight(text: str) -> list[int]:
        # A tilde is less than the end of the text, which is less than letters, which are less than other characters.
        return [-1 if letter == "~" else ord(letter) if letter.isalpha() else ord(letter) + 256 for letter in text] + [0]

    def key(part: str) -> list[Any]:
        runs = re.findall(r"([^0-9]*)([0-9]*)", part)
        return [part for text, number in runs for part in (weight(text), int(number or 0))] + [[0], 0]

    for a, b in zip(evr(left), evr(right)):
        first, second = key(a), key(b)
        length = max(len(first), len(second))
        pad = [[0], 0] * length
        first, second = (first + pad)[:length], (second + pad)[:length]
        if first != second:
            return 1 if first > second else -1
    return 0


def rpm(left: str, right: str) -> int:
    for a, b in zip(evr(left), evr(right)):
        order = rpm_part(a, b)
        if order:
            return order
    return 0


def rpm_part(left: str, right: str) -> int:
    first, second = (re.findall(r"[0-9]+|[a-zA-Z]+|~|\^", part) for part in (left, right))
    for index in range(max(len(first), len(second))):
        a = first[index] if index < len(first) else ""
        b = second[index] if index < len(second) else ""
        if a == b:
            continue
        if "~" in (a, b):
            return -1 if a == "~" else 1
        if "^" in (a, b):
            other = b if a == "^" else a
            order = 1 if other == "" else -1
            return order if a == "^" else -order
        if not a or not b:
            return 1 if a else -1
        if a.isdigit() != b.isdigit():
            return 1 if a.isdigit() else -1
        if a.isdigit() and int(a) != int(b):
            return 1 if int(a) > int(b) else -1
        if not a.isdigit():
            return 1 if a > b else -1
    return 0
