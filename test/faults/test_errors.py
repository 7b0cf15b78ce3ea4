"""Errors: what a user can cause belongs to one family; anything else is told as a fault."""

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from m3_ros.errors import DataError, Kind, M3Error, UsageError, fault_report

PACKAGE = Path(__file__).resolve().parents[2] / "m3_ros"
WITHIN = {
    "BuildCancelled", "Busy", "InputsFailed", "RetryableGraspFailure",
}  # fmt: skip
"""Errors that no caller of a public function gets: a cancelled build and a full line of queries
are answers, a grasp is tried again, and a node that receives nothing is a fault."""


def raised():
    """Module and name of each public class whose name or base says that it is an error."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
                continue
            bases = {ast.unparse(base) for base in node.bases}
            if any(base.endswith(("Error", "Exception")) or base in WITHIN for base in bases):
                relative = path.relative_to(PACKAGE.parent).with_suffix("")
                yield ".".join(relative.parts), node.name


@pytest.mark.parametrize(("module", "name"), sorted(raised()))
def test_every_error_belongs_to_the_family(module, name):
    error = getattr(import_module(module), name)
    within = any(each.__name__ in WITHIN for each in error.__mro__)
    assert issubclass(error, M3Error) != within


def test_the_list_of_errors_is_not_empty():
    assert len(list(raised())) > 20


NODE = """
import sys
from m3_ros.errors import DataError
from m3_ros.nodes.runtime import run_node
def create():
    raise {error}
run_node(create)
"""


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("KeyError('no such\\nplace')", Kind.BUG, "this is a fault of -c, KeyError"),
        ("ValueError('wrong')", Kind.BUG, "this is a fault of -c, ValueError: wrong"),
        ("DataError('a.json is\\ndamaged')", Kind.DATA, "a.json is damaged"),
    ],
)
def test_a_node_ends_with_one_line_and_the_code_of_its_kind(tmp_path, error, status, words):
    result = subprocess.run(
        [sys.executable, "-c", NODE.format(error=error)],
        capture_output=True, text=True, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert result.returncode == status, result.stderr
    assert words in result.stderr and result.stderr.count("\n") == 1
    written = list(tmp_path.glob("m3-fault-*.txt"))
    assert bool(written) == (status == Kind.BUG)
    if written:
        assert str(written[0]) in result.stderr and "Traceback" in written[0].read_text()


def test_a_fault_whose_traceback_cannot_be_written_is_told_with_it(monkeypatch):
    monkeypatch.setattr("tempfile.mkstemp", lambda **_: (_ for _ in ()).throw(OSError("full")))
    report = fault_report("m3", KeyError("x"))
    assert "could not be written (full)" in report and "KeyError: 'x'" in report


def test_the_parts_of_an_error_can_be_read():
    error = UsageError.at("--count", -1, "a whole number > 0", "leave it out")
    assert str(error) == "--count is -1; it must be a whole number > 0; leave it out"
    assert (error.place, error.value, error.rule) == ("--count", -1, "a whole number > 0")
    assert error.remedy == "leave it out" and error.kind == Kind.USAGE
    assert str(DataError.at("a", None, "a text")) == "a is null; it must be a text"
