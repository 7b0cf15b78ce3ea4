"""What the package imports is declared: ROS packages in package.xml, the rest in requirements/."""

import ast
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]


def imported_by(folder):
    """Top-level names that the Python files below a folder import, less the standard library."""
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"m3_ros"}


def declared_ros():
    package = ElementTree.parse(ROOT / "package.xml").getroot()
    return {item.text for item in package if item.tag in ("depend", "exec_depend")}


def normalised(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared_pins(name):
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return {normalised(re.split(r"[\[=<>\s]", line)[0]) for line in lines if re.match(r"\w", line)}


def test_the_library_imports_only_what_it_declares():
    distributions = packages_distributions() | {
        "pinocchio": ["pin"],  # its files are libpinocchio's
        "rerun": ["rerun-sdk"],  # need not be installed
    }
    pins = set().union(*map(declared_pins, ("core.txt", "models.txt", "optional.txt")))
    for name in imported_by("m3_ros") - declared_ros() | {"coal", "pinocchio"}:
        providers = {normalised(item) for item in distributions.get(name, [name])}
        assert providers & pins, f"{name} is imported, but requirements/ lacks it"


def test_a_workspace_asks_for_the_same_less_what_rosdep_installs():
    rosdep = {"coal", "numpy", "opencv-python-headless", "pin", "pyyaml", "scipy"}
    held = {"numpy", "transforms3d"}  # whose version matters to what rosdep installs
    assert declared_pins("workspace.txt") == declared_pins("core.txt") - rosdep | held


def test_every_pin_is_exact_and_says_what_it_is_for():
    for name in ("core.txt", "dev.txt", "models.txt", "optional.txt", "ros.txt"):
        path = ROOT / "requirements" / name
        for line in path.read_text().splitlines():
            if line.startswith("#"):
                continue
            assert re.match(r"[\w\[\]-]+==[\w.]+\s", line), f"{path.name}: {line}: pin it exactly"
            assert "# " in line, f"{path.name}: {line}: say what it is for"


def test_the_versions_agree():
    version = ElementTree.parse(ROOT / "package.xml").findtext("version")
    newest = re.search(r"^## \[(.+?)\] - (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest[1] == version
    assert re.fullmatch(r"Unreleased|\d{4}-\d\d-\d\d", newest[2])
    setup = subprocess.run(
        [sys.executable, "setup.py", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert setup.stdout.strip().splitlines()[-1] == version, setup.stderr
