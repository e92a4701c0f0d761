"""Replaces the network for the tests of the documentation: the repositories of Debian 12 in a directory, with three kernels."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

SUITES = {
    "bookworm": "mirrors.edge.kernel.org/debian",
    "bookworm-updates": "mirrors.edge.kernel.org/debian",
    "bookworm-security": "security.debian.org/debian-security",
}
KERNELS: dict[str, list[tuple[str, str]]] = {
    "bookworm": [("6.1.0-25", "6.1.106-3")],
    "bookworm-updates": [],
    "bookworm-security": [("6.1.0-26", "6.1.112-1"), ("6.1.0-27", "6.1.115-1")],
}
ARCHITECTURES = ("amd64", "arm64")

# `check` reads a directory instead of the network, and `fetch` creates empty trees. The private server and the store are in directories of
# the test.
PROGRAM = """#!/bin/sh
case "$1" in
  check | source)
    case "$*" in
      *--mirror-base* | *list* | *show*) exec {program} "$@" ;;
      *) exec {program} "$@" --mirror-base file://{mirror} --allow-unsigned ;;
    esac ;;
  fetch) exec {program} "$@" --store {store} --no-prove --command 'mkdir build && touch build/Makefile' ;;
  store) exec {program} "$@" --store {store} ;;
  init | local)
    SQERN_DATA_DIR={server} {program} "$@" || exit
    if [ "$1 $2" = "local up" ] || [ "$1" = init ]; then
      echo "[sqern-local]"
      sed -n '/^host/p; /^port/p; /^dbname/p; /^user/p' {services}
    fi >>{services}.new
    if [ -s {services}.new ]; then mv {services}.new {services}; fi ;;
  build | test)
    case "$2" in run) exec {program} "$@" --store {store} --logs {store}/logs ;; *) exec {program} "$@" ;; esac ;;
  *) exec {program} "$@" ;;
esac
"""


def program(real: str, mirror: Path, store: Path, server: Path, services: Path) -> str:
    """Returns the shell script that replaces sqern."""
    return PROGRAM.format(program=real, mirror=mirror, store=store, server=server, services=services)


def write_mirror(folder: Path, kernels: Mapping[str, Sequence[tuple[str, str]]] = KERNELS) -> None:
    """Writes the repositories of the built-in sources of debian12, without signatures."""
    for suite, base in SUITES.items():
        suite_folder = folder / base / "dists" / suite
        sums = []
        for architecture in ARCHITECTURES:
            text = "".join(package(*kernel) for kernel in kernels[suite]) if architecture == "amd64" else ""
            for name, content in (("Packages", text.encode()), ("Packages.gz", gzip.compress(text.encode(), mtime=0))):
                path = f"main/binary-{architecture}/{name}"
                (suite_folder / path).parent.mkdir(parents=True, exist_ok=True)
                (suite_folder / path).write_bytes(content)
                sums.append(f" {hashlib.sha256(content).hexdigest()} {len(content)} {path}\n")
        (suite_folder / "Release").write_text(
            f"Origin: Debian\nSuite: {suite}\nCodename: {suite}\nDate: Thu, 01 May 2025 10:00:00 UTC\n"
            f"Architectures: {' '.join(ARCHITECTURES)}\nComponents: main\nSHA256:\n{''.join(sums)}"
        )


def package(abi: str, version: str) -> str:
    """Returns the index entries of the headers of two flavors, and of their shared headers."""
    stanzas = ""
    for name, architecture, depends in (
        (f"linux-headers-{abi}-amd64", "amd64", f"Depends: linux-headers-{abi}-common (= {version})\n"),
        (f"linux-headers-{abi}-cloud-amd64", "amd64", f"Depends: linux-headers-{abi}-common (= {version})\n"),
        (f"linux-headers-{abi}-common", "all", ""),
    ):
        digest = hashlib.sha256(name.encode()).hexdigest()
        stanzas += (
            f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{depends}Size: 1024\nSHA256: {digest}\n"
            f"Filename: pool/main/l/linux/{name}_{version}_{architecture}.deb\n\n"
        )
    return stanzas
