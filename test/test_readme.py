"""Test that what the documents name exists: paths, commands, topics, settings, statuses, code."""

import ast
import contextlib
import io
import json
import re
from enum import IntEnum
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from m3_ros import codes
from m3_ros.cli.app import app
from m3_ros.cli.main import COMMANDS
from m3_ros.config import M3Config
from m3_ros.query.request import parse_request
from m3_ros.robot_model import load_robot
from m3_ros.settings import to_dict

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "benchmarks/RESULTS.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"build", "install", "log"}
OTHERS_TOPICS = {"/execute_trajectory"}
"""Interfaces of other programs (MoveIt) that the documents name."""
documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def code_spans(document):
    """Yield what stands between backticks, one line each of code blocks included."""
    text = document.read_text()
    blocks = re.findall(r"^```(?!python)\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    yield from (line for block in blocks for line in block.splitlines())
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from re.findall(r"`([^`\n]+)`", prose)


def slugs(document):
    """Return the anchors of a document's headings."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def imports():
    for document in DOCUMENTS:
        for block in re.findall(r"```python\n(.*?)```", document.read_text(), re.DOTALL):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom):
                    yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize(("module", "name"), sorted(set(imports())))
def test_imports_exist(module, name):
    assert hasattr(import_module(module), name)


@documents
def test_links_lead_somewhere(document):
    for target, anchor in re.findall(r"\]\(([^)#:\s]*)#?([^)\s:]*)\)", document.read_text()):
        file = document.parent / target if target else document
        assert file.exists(), target
        assert not anchor or anchor in slugs(file), f"{target}#{anchor}"


@documents
def test_paths_exist(document):
    for span in code_spans(document):
        for path in re.findall(r"(?<![\w./~-])([\w.-]+/[\w./-]*\w/?)", span):
            path = path.removeprefix("src/m3_ros/")  # in a workspace
            interface = re.match(r"m3_ros/(msg|srv|action)/", path)
            if path.split("/")[0] in FOLDERS and not interface:
                assert (ROOT / path).exists() or list(ROOT.glob(f"{path}.*")), path


@cache
def help_of(*command):
    """Return the help of `m3 COMMAND`, or nothing where there is no such command."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            app.cli(prog="m3", args=[*command, "--help"])
        except SystemExit as end:
            return "" if end.code else out.getvalue()
    return ""


def commands(document):
    """Yield the words after each `m3` of the document."""
    for span in code_spans(document):
        for match in re.finditer(r"(?:^|[\s$])(?:\./)?m3 ([a-z][^#|]*)", span):
            yield match.group(1).split()


@documents
def test_commands_and_their_options_exist(document):
    assert COMMANDS  # importing them registers them
    for words in commands(document):
        group = words[0] in ("scan", "bench", "eval") and not "".join(words[1:2]).isupper()
        command = tuple(words[: 2 if group else 1])
        text = help_of(*command)
        assert text, f"m3 {' '.join(command)}"
        if words[0] in ("bench", "eval") and not group:
            continue  # of `m3 bench NAME`
        for option in (word for word in words if re.fullmatch(r"--[a-z-]+", word)):
            assert option in text, f"m3 {' '.join(words)}"


@documents
def test_make_targets_exist(document):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for span in code_spans(document):
        for target in re.findall(r"^make ([a-z]+)", span):
            assert target in targets, target


@cache
def topics():
    """Return every topic, service and action name of the nodes and of the settings, in full."""
    settings = to_dict(M3Config())
    values = settings["robot"] | settings["simulation"]
    names = {f"/{value}" for key, value in values.items() if key.endswith("_topic")}
    robot = load_robot()
    controllers = {part.controller.name for part in (robot.arm, robot.gripper)}
    for path in (ROOT / "m3_ros/nodes").glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        words = {node.value for node in nodes if isinstance(node, ast.Constant)}
        words = {word for word in words if isinstance(word, str)}
        names |= {word for word in words if re.fullmatch(r"(/\w+)+", word)}
        names |= {f"/{word}" for word in words if re.fullmatch(r"\w+(/\w+)*", word)}
        for node in nodes:
            if isinstance(node, ast.JoinedStr) and len(node.values) == 2:
                first, last = (getattr(part, "value", None) for part in node.values)
                if first == "m3/":  # of f"m3/{name}", the name being a word of the same file
                    names |= {f"/m3/{word}" for word in words if re.fullmatch(r"[a-z_]+", word)}
                elif isinstance(last, str) and last.startswith("/"):  # of f"{controller}/..."
                    names |= {f"/{controller}{last}" for controller in controllers}
    return names


@documents
def test_topics_services_and_actions_exist(document):
    for span in code_spans(document):
        for name in re.findall(r"(?:^|\s)((?:/\w+)+)(?=$|\s)", span):
            assert name in topics() | OTHERS_TOPICS, name


@documents
def test_interface_types_exist(document):
    for kind, name in re.findall(r"m3_ros/(msg|srv|action)/(\w+)", document.read_text()):
        assert (ROOT / kind / f"{name}.{kind}").is_file(), name


@documents
def test_settings_exist(document):
    config = to_dict(M3Config())
    for span in code_spans(document):
        for group, name in re.findall(r"(?<![\w/.])([a-z]+)\.([a-z_]+)(?=$|[\s:=])", span):
            if group in config and name not in ("py", "md", "yaml", "json"):
                assert name in config[group], f"{group}.{name}"


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ("queries.md", codes.QueryStatus),
        ("queries.md", codes.QueryErrorCode),
        ("grasping.md", codes.GraspErrorCode),
    ],
)
def test_tables_of_codes_are_complete(document, kind: type[IntEnum]):
    head = "status" if kind is codes.QueryStatus else r"`?error[_ ]code`?"
    text = (ROOT / "docs" / document).read_text()
    table = re.search(rf"^\| {head} \|.*\n((?:\|.*\n)+)", text, re.MULTILINE).group(1)
    assert set(re.findall(r"^\| ([A-Z_]+) \|", table, re.MULTILINE)) == set(kind.__members__)


def test_queries_are_read_as_documented():
    nouns, structured = (ROOT / "docs/queries.md").read_text().split("## Numbers, order", 1)
    rows = re.findall(r'^\| (".*") \| (.*) \|$', nouns, re.MULTILINE)
    assert len(rows) >= 5
    for queries in re.findall(r'^\| (".*") \| .* \|$', structured, re.MULTILINE):
        first = re.findall(r'"([^"]*)"', queries)[0]
        assert parse_request(first if " " in first else f"mug {first}", 300).structured, first
    for queries, meaning in rows:
        color, kind = (
            next(iter(re.findall(rf'{part} "([^"]*)"', meaning)), "")
            for part in ("colour", "kind")
        )
        for query in re.findall(r'"([^"]*)"', queries):
            readings = parse_request(query, max_length=300).noun.readings
            if ", or " in meaning:
                assert {reading.kind for reading in readings} == set(
                    re.findall(r'kind "([^"]*)"', meaning)
                )
            else:
                assert [(item.color, item.kind) for item in readings] == [(color, kind)], query


def test_viewers_show_topics_that_exist():
    displays = yaml.safe_load((ROOT / "config/m3.rviz").read_text())["Visualization Manager"]
    shown = [
        display[key]["Value"]
        for display in displays["Displays"]
        for key in ("Topic", "Description Topic")
        if key in display
    ]
    layout = json.dumps(json.loads((ROOT / "config/foxglove.json").read_text()))
    shown += re.findall(r'"((?:/\w+)+)"', layout)
    assert {"/m3/gaussians", "/robot_description", "/m3/query"} <= set(shown)
    assert set(shown) <= topics()


@pytest.mark.parametrize("name", ["README.md", "benchmarks/RESULTS.md"])
def test_the_first_pages_are_short(name):
    assert len((ROOT / name).read_text().splitlines()) <= 150
