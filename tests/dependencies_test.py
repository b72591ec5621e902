"""docs/dependencies.md names what the program is made of, all of it and nothing else, with its licences."""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
# As docs/dependencies.md writes licences, and as Debian's copyright files do where they write one that a program can read.
IN_DEBIAN = {
    "MIT": {"MIT", "Expat", "X11"},
    "public domain": {"public-domain"},
    "BSD-2-Clause": {"BSD-2clause", "BSD-2-Clause"},
    "BSD-3-Clause": {"BSD-3-clause"},
}
TOOLS = {"g++", "cmake", "ninja-build", "pkg-config", "doctest-dev", "libcap2-bin", "iproute2", "python3", "python3-venv"}

failures = []


def check(good, what):
    if not good:
        failures.append(what)


def tables():
    """Each as {package: licence}."""
    found, rows = [], None
    for line in (ROOT / "docs/dependencies.md").read_text().splitlines():
        if not line.startswith("|"):
            rows = None
            continue
        if rows is None:
            rows = {}
            found.append(rows)
            continue
        package, licence = (cell.strip() for cell in line.split("|")[1:3])
        if not package.startswith("---"):
            rows[package] = licence
    return found


def listed(*flags):
    output = subprocess.run([ROOT / "scripts/setup", *flags, "--list"], check=True, capture_output=True, text=True)
    return {re.sub(r"^libboost[\d.]+-dev$", "libboost-dev", package) for package in output.stdout.split()}


def compare(said, real, what):
    check(not real - said, f"{what}: docs/dependencies.md does not name {sorted(real - said)}")
    check(not said - real, f"{what}: docs/dependencies.md names {sorted(said - real)} for nothing")


def check_licence(package, said):
    pattern = "libboost1*-dev" if package == "libboost-dev" else package
    for copyright_file in pathlib.Path("/usr/share/doc").glob(f"{pattern}/copyright"):
        stated = re.findall(r"^\s*License: *(.+)$", copyright_file.read_text(errors="replace"), re.M)
        wanted = IN_DEBIAN.get(said, {said})
        if stated:
            check(wanted & {each.strip() for each in stated}, f"{package} is said to be {said}, Debian says {set(stated)}")


def main():
    shared, headers, page = tables()
    compare(set(shared), listed("--runtime"), "shared libraries")
    # A library is shared, or all of it is in its headers; the -dev packages of shared ones bring those.
    stems = {re.sub(r"[-\d.]+$", "", package) for package in shared}
    real = set()
    for package in listed() - TOOLS - {"ca-certificates"}:
        stem = re.sub(r"[-\d.]*-dev$", "", package)
        if stem not in stems:
            real.add(package)
    compare(set(headers), real, "headers")
    lock = json.loads((ROOT / "portal/package-lock.json").read_text())["packages"]
    bundled = {path.removeprefix("node_modules/"): each for path, each in lock.items() if path and not each.get("dev")}
    compare(set(page), set(bundled), "the portal's page")
    for package, licence in page.items():
        if package in bundled:
            stated = bundled[package].get("license")
            check(stated == licence, f"{package} is said to be {licence}, its package says {stated}")
    for package, licence in {**shared, **headers}.items():
        check_licence(package, licence)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
