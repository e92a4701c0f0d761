"""Prints what is linked into sqern: each crate with its version and licence, then the texts, each once with the crates that it is of.

Reads `cargo metadata` from standard input; the texts are the files that the crates' sources bring.
"""

import collections
import json
import pathlib
import sys

TEXTS = ("license", "licence", "copying", "notice", "unlicense", "copyright")


def linked(metadata):
    """The crates of others that the program is linked with: neither what only builds or tests take, nor procedural macros."""
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
    """The texts of a crate's licences, by the names of their files."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name.lower().startswith(TEXTS))
    return [path.read_text(encoding="utf-8", errors="replace").strip() for path in files]


def main():
    by_text = collections.OrderedDict()
    print("The program sqern is linked with these crates, each under its own licence; the texts follow, as the crates bring them.\n")
    for package in linked(json.load(sys.stdin)):
        name = f"{package['name']} {package['version']}"
        print(f"{name:<36} {package['license'] or 'see its text'}")
        for text in texts(package):
            by_text.setdefault(text, []).append(name)
    for text, names in by_text.items():
        print("\n" + "=" * 100 + "\n" + ", ".join(names) + "\n\n" + text)


main()
