"""docs/performance.md lists every place where values leave a device, and no other."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGES = ("splat", "features", "memory", "query")


def copying(path):
    """Return the functions of a file that call .cpu() or .numpy()."""

    def visit(node, name):
        for child in ast.iter_child_nodes(node):
            named = isinstance(child, ast.FunctionDef | ast.ClassDef)
            inner = f"{name}.{child.name}".lstrip(".") if named else name
            function = getattr(child, "func", None)
            if isinstance(function, ast.Attribute) and function.attr in ("cpu", "numpy"):
                found.add(inner)
            visit(child, inner)

    found = set()
    visit(ast.parse(path.read_text()), "")
    return found


def test_each_copy_from_a_device_is_listed_and_explained():
    package = ROOT / "m3_ros"
    files = [path for stage in STAGES for path in (package / stage).rglob("*.py")]
    source = {(str(p.relative_to(package)), name) for p in files for name in copying(p)}
    listed, last = set(), None
    for line in (ROOT / "docs/performance.md").read_text().splitlines():
        if line.startswith("| `"):
            where, often, why = (cell.strip() for cell in line.strip("|").split("|"))
            assert often and why, line
            for file, name in re.findall(r"(?:`([\w/]+\.py)` )?`([\w.]+)`", where):
                last = file or last
                listed.add((last, name))
    assert listed == source
