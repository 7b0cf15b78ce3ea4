"""Measure how many small mutations of a module its tests notice.

.venv/bin/python tools/mutants.py m3_ros/grasp/candidates.py m3_ros/query/shape.py

Each mutation changes one comparison, arithmetic sign, numeric constant, truth value or call of one
module. The module's tests (test/a/test_b.py for m3_ros/a/b.py) run against it; a mutation that
they pass survives and is printed as a diff. Everything happens in a temporary copy of the tree.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "install", "log")
COMPARISONS = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
LOGIC = {ast.And: ast.Or, ast.Or: ast.And}
CHECK = """
import os, pathlib, sys
import pytest

def pytest_sessionfinish(session):
    name = os.environ["MUTATED_MODULE"]
    path = getattr(sys.modules.get(name), "__file__", None)
    if not path or not pathlib.Path(path).resolve().is_relative_to(os.environ["MUTATED_ROOT"]):
        pytest.exit(f"{name} is not imported from the copy, but from {path}", returncode=99)
"""


@dataclass(frozen=True)
class Mutation:
    """New text for the characters `start` to `end` of a source, which line `line` holds first."""

    line: int
    start: int
    end: int
    text: str

    def apply(self, source: str) -> str:
        """Return the mutated source."""
        return source[: self.start] + self.text + source[self.end :]

    def diff(self, path: str, source: str) -> str:
        """Return the changed lines: path, line number, before and after."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        last = len(source) if last < 0 else last
        before = " ".join(source[first:last].split())
        after = " ".join(
            (source[first : self.start] + self.text + source[self.end : last]).split()
        )
        return f"{path}:{self.line}: - {before}\n{path}:{self.line}: + {after}"


class Mutator(ast.NodeVisitor):
    """Collects every mutation of a source; annotations, error messages and strings stay."""

    def __init__(self, source: str):
        self.mutations: list[Mutation] = []
        self._source = source
        starts = [0]
        for line in source.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        self._starts = starts
        self.visit(ast.parse(source))

    def _offset(self, line: int, column: int) -> int:
        start = self._starts[line - 1]
        text = self._source[start : self._starts[line]]
        return start + len(text.encode()[:column].decode())  # ast counts bytes

    def _add(self, node: ast.expr | ast.stmt, text: str) -> None:
        start = self._offset(node.lineno, node.col_offset)
        end = self._offset(node.end_lineno, node.end_col_offset)
        self.mutations.append(Mutation(node.lineno, start, end, text))

    def _changed(self, node: ast.expr, change: Callable[[ast.AST], None]) -> None:
        changed = copy.deepcopy(node)
        change(changed)
        self._add(node, ast.unparse(changed))

    def visit_Compare(self, node: ast.Compare) -> None:
        for index, operator in enumerate(node.ops):
            new = COMPARISONS[type(operator)]()
            self._changed(node, lambda it, i=index, new=new: it.ops.__setitem__(i, new))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC:
            new = ARITHMETIC[type(node.op)]()
            self._changed(node, lambda it: setattr(it, "op", new))
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if type(node.op) in ARITHMETIC:
            new = ARITHMETIC[type(node.op)]()
            self._changed(node, lambda it: setattr(it, "op", new))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        new = LOGIC[type(node.op)]()
        self._changed(node, lambda it: setattr(it, "op", new))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self._add(node, f"({ast.unparse(node.operand)})")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        value = node.value
        if isinstance(value, bool):
            self._add(node, repr(not value))
        elif isinstance(value, int):
            self._add(node, repr(max(value + 1, int(1.5 * value))))
        elif isinstance(value, float):
            self._add(node, repr(1.5 * value if value else 1.0))

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self._add(node, "pass")
        self.generic_visit(node)

    def _visit_test(self, node: ast.If | ast.While | ast.IfExp) -> None:
        if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
            self._add(node.test, f"(not {ast.unparse(node.test)})")
        self.generic_visit(node)

    visit_If = visit_While = visit_IfExp = _visit_test

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arg(self, node: ast.arg) -> None:
        """Skip annotations."""

    def _visit_function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for child in (*node.decorator_list, node.args, *node.body):
            self.visit(child)

    visit_FunctionDef = visit_AsyncFunctionDef = _visit_function

    def visit_Raise(self, node: ast.Raise) -> None:
        """Skip the words of errors."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Skip formatted strings: Python 3.11 gives wrong positions inside them."""


class Copy:
    """A temporary copy of the tree, first on the path of the tests that run in it."""

    def __init__(self, root: Path, folder: Path):
        self.root = (folder / "tree").resolve()
        shutil.copytree(root, self.root, ignore=LEFT_OUT)
        for package in (root / "install").glob("lib/python*/site-packages/m3_ros"):
            for path in package.iterdir():  # the generated interfaces
                if not (self.root / "m3_ros" / path.name).exists():
                    (self.root / "m3_ros" / path.name).symlink_to(path)
        plugin = folder / "plugin"
        plugin.mkdir()
        (plugin / "mutated_module_check.py").write_text(CHECK)
        given = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        self._environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([str(self.root), str(plugin), *given]),
            "PYTHONDONTWRITEBYTECODE": "1",  # two mutations may share size and time stamp
            "MUTATED_ROOT": str(self.root),
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "passive",
        }

    def run(self, tests: list[str], timeout: float | None, check: str = "") -> tuple[int, str]:
        """Run tests until the first failure; `check` names a module that must be the copy's.

        Returns:
            Exit code of pytest, 1 after a timeout, and its output.
        """
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
        command += ["-p", "mutated_module_check"] if check else []
        environment = self._environment | {"MUTATED_MODULE": check}
        process = subprocess.Popen(
            command, cwd=self.root, env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return 1, f"timeout after {timeout:.0f} s"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        return process.returncode, output


def mutated(copied: Copy, module: str, mutations: list[Mutation]) -> Iterator[Mutation]:
    """Write each mutation into the copy, one at a time, and the source again at the end."""
    path = copied.root / module
    source = path.read_text()
    try:
        for mutation in mutations:
            path.write_text(mutation.apply(source))
            yield mutation
    finally:
        path.write_text(source)


def measure(
    copied: Copy, module: str, tests: list[str], count: int, seed: int, timeout: float | None
) -> float:
    """Return the share of a module's sampled mutations that its tests notice, and print it.

    Raises:
        ValueError: The tests fail without any mutation, or do not import the module.
    """
    source = (copied.root / module).read_text()
    every = Mutator(source).mutations
    sample = random.Random(seed).sample(every, min(count, len(every)))
    sample.sort(key=lambda mutation: mutation.start)
    name = ".".join(Path(module).with_suffix("").parts)
    start = time.monotonic()
    code, output = copied.run(tests, None, check=name)
    if code:
        raise ValueError(f"{module}: {' '.join(tests)} must pass before mutating:\n{output}")
    limit = timeout or 60 + 5 * (time.monotonic() - start)
    survivors = []
    for number, mutation in enumerate(mutated(copied, module, sample), 1):
        print(f"\r{module}: {number} / {len(sample)} ", end="", file=sys.stderr, flush=True)
        code, _ = copied.run(tests, limit)
        if code == 0:
            survivors.append(mutation)
    print(file=sys.stderr)
    noticed = len(sample) - len(survivors)
    print(f"{module}: {noticed} of {len(sample)} noticed ({len(every)} possible)")
    for mutation in survivors:
        print(mutation.diff(module, source))
    return noticed / len(sample) if sample else 1.0


def files_that_test(root: Path, module: str) -> list[str]:
    """Return the test file of a module, m3_ros/a/b.py -> test/a/test_b.py.

    Raises:
        ValueError: There is none.
    """
    path = Path("test", *Path(module).parts[1:-1], f"test_{Path(module).name}")
    if not (root / path).exists():
        raise ValueError(f"{module}: {path} does not exist; name its tests with --tests")
    return [str(path)]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0 if each module reaches the share, 1 if not, 2 if it cannot run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("modules", nargs="+", help="files such as m3_ros/grasp/candidates.py")
    parser.add_argument("--tests", nargs="+", help="test files or folders to run instead")
    parser.add_argument("--count", type=int, default=30, help="mutations a module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--least", type=float, default=0.85, help="share to be noticed")
    parser.add_argument(
        "--timeout", type=float, help="seconds a mutation; from a first run if not given"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the source tree")
    options = parser.parse_args(arguments)
    shares = []
    try:
        with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
            tests = {
                module: options.tests or files_that_test(options.root, module)
                for module in options.modules
            }
            copied = Copy(options.root, Path(folder))
            for module in options.modules:
                shares.append(
                    measure(
                        copied, module, tests[module], options.count, options.seed, options.timeout
                    )
                )
    except (ValueError, OSError) as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 2
    return 0 if min(shares) >= options.least else 1


if __name__ == "__main__":
    sys.exit(main())
