"""Test that docs/troubleshooting.md quotes messages that the code has."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs/troubleshooting.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \|", TEXT, re.MULTILINE)
GAP = "…"


@cache
def texts():
    """Return the texts of each file of the package, with `GAP` for what an f-string fills in."""
    files = []
    for path in (ROOT / "m3_ros").rglob("*.py"):
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                found.add("".join(getattr(part, "value", GAP) if isinstance(part, ast.Constant)
                                  else GAP for part in node.values))  # fmt: skip
        files.append(found)
    return files


def test_there_are_messages():
    assert len(ROWS) > 40


@pytest.mark.parametrize("message", ROWS)
def test_a_message_is_the_codes(message):
    fragments = [part.strip(" ;:,") for part in message.split(GAP)]
    fragments = [part for part in fragments if len(part) > 3]
    assert fragments, "the message must have words of its own"
    assert any(
        all(any(part in text for text in file) for part in fragments) for file in texts()
    ), message
