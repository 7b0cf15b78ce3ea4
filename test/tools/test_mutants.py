"""tools/mutants.py: each kind of mutation, what counts as noticed, and the tree that it spares."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tools"))

from mutants import Mutator, files_that_test, main  # noqa: E402

SOURCE = '''"""Doc 1."""
LIMIT: int = 4


def clip(values: list, é=1.5) -> list:
    for value in values:
        if value > LIMIT and not é:
            values.sort()
    return [-value + 2 * é for value in values] if values else True
'''
WEAK = "from m3_ros.clip import clip\n\n\ndef test_it_runs():\n    clip([1.0])\n"
STRONG = """
from m3_ros.clip import LIMIT, clip

def test_everything():
    assert LIMIT == 4
    assert clip([]) is True
    values = [5.0, 4.0]
    assert clip(values) == [-2.0, -1.0] and values == [5.0, 4.0]
    assert clip(values, 0) == [-4.0, -5.0] and values == [4.0, 5.0]
    values = [4.0, 3.0]
    assert clip(values, 0) == [-4.0, -3.0] and values == [4.0, 3.0]
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT: int = 4", "LIMIT: int = 6"),
        ("é=1.5", "é=2.25"),
        ("value > LIMIT", "value <= LIMIT"),
        ("value > LIMIT and not é", "value > LIMIT or not é"),
        ("not é", "(é)"),
        ("values.sort()", "pass"),
        ("-value + 2 * é", "-value - 2 * é"),
        ("2 * é", "2 / é"),
        ("-value +", "(value) +"),
        ("2 *", "3 *"),
        ("if values else", "if (not values) else"),
        ("True", "False"),
    ],
)
def test_each_kind_of_mutation(before, after):
    mutations = [mutation.apply(SOURCE) for mutation in Mutator(SOURCE).mutations]
    assert SOURCE.replace(before, after) in mutations
    assert len(mutations) == 12 and len(set(mutations)) == 12


def test_every_mutation_of_the_package_is_valid_python():
    for path in sorted((ROOT / "m3_ros/grasp").glob("*.py")):
        source = path.read_text()
        for mutation in Mutator(source).mutations:
            compile(mutation.apply(source), str(path), "exec")


@pytest.fixture
def tree(tmp_path):
    """A source tree with one module."""
    for name, text in {"m3_ros/__init__.py": "", "m3_ros/clip.py": SOURCE}.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "tree/test").mkdir()
    (tmp_path / "tree/pyproject.toml").write_text(
        '[tool.pytest.ini_options]\naddopts = "--import-mode=importlib"\n'
    )
    return tmp_path / "tree"


def run(tree, *options):
    return main(["m3_ros/clip.py", "--root", str(tree), *options])


def files(tree):
    return {path: path.read_text() for path in tree.rglob("*") if path.is_file()}


def test_a_strong_test_notices_all_of_a_sample(tree, capsys):
    (tree / "test/test_clip.py").write_text(STRONG)
    before = files(tree)
    assert run(tree, "--count", "3") == 0
    assert "m3_ros/clip.py: 3 of 3 noticed (12 possible)" in capsys.readouterr().out
    assert files(tree) == before


def test_survivors_of_a_weak_test_are_shown(tree, capsys):
    (tree / "test/test_other.py").write_text(WEAK)
    assert run(tree, "--count", "3", "--seed", "1", "--tests", "test/test_other.py") == 1
    first, *diffs = capsys.readouterr().out.splitlines()
    noticed = int(re.search(r": (\d) of 3 noticed", first)[1])
    assert noticed < 3 and len(diffs) == 2 * (3 - noticed)
    for minus, plus in zip(diffs[::2], diffs[1::2], strict=True):
        assert re.search(r"m3_ros/clip.py:\d+: - ", minus)
        assert minus.replace(": - ", ": + ") != plus


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ({}, "test/test_clip.py does not exist"),
        ({"test_clip.py": "def test_it():\n    assert False\n"}, "must pass before mutating"),
        ({"test_clip.py": "def test_it():\n    pass\n"}, "m3_ros.clip is not imported"),
    ],
)
def test_what_cannot_be_measured_is_refused(tree, capsys, tests, reason):
    for name, text in tests.items():
        (tree / "test" / name).write_text(text)
    assert run(tree, "--count", "1") == 2
    assert reason in capsys.readouterr().err


def test_the_modules_of_make_mutants_have_tests():
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    modules = re.search(r"^MODULES \?= (.+)$", makefile, re.MULTILINE)[1].split()
    assert len(modules) >= 4
    for module in modules:
        assert (ROOT / module).is_file() and files_that_test(ROOT, module)
