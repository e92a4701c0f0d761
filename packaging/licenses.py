"""Prints the crates that are linked into sqern with their versions and licenses, then each license text once with its crates.

Reads the output of `cargo metadata` from standard input. The texts are the license files in the sources of the crates.
"""

import collections
import json
import pathlib
import sys

TEXTS = ("license", "licence", "copying", "notice", "unlicense", "copyright")


def linked(metadata):
    """Returns the linked crates of other authors, without build and test dependencies and procedural macros."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    own = set(metadata["workspace_members"])
    waiting = [name for name in own if packages[name]["name"] == "sqern"]
    seen = set(waiting)
    while waiting:
        for dependency in nodes[waiting.pop()]["deps"]:
            name = dependency["pkg"]
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            is_macro = any("proc-macro" in target["kind"] for target in packages[name]["targets"])
            if is_linked and not is_macro and name not in seen:
                seen.add(name)
                waiting.append(name)
    return sorted((packages[name] for name in seen - own), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """Returns the license texts of a crate, from its root directory and from its directory LICENSES (REUSE)."""
    directory = pathlib.Path(package["manifest_path"]).parent
    files = [path for path in directory.iterdir() if path.is_file() and path.name.lower().startswith(TEXTS)]
    files = sorted(files) + sorted(directory.glob("LICENSES/*.txt"))
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in files]


def main():
    by_text = collections.OrderedDict()
    print("The program sqern is linked with these crates, each under its own license. The license texts follow.\n")
    for package in linked(json.load(sys.stdin)):
        name = f"{package['name']} {package['version']}"
        print(f"{name:<36} {package['license'] or 'see its text'}")
        for text in texts(package):
            by_text.setdefault(text, []).append(name)
    for text, names in by_text.items():
        print("\n" + "=" * 100 + "\n" + ", ".join(names) + "\n\n" + text)


main()
