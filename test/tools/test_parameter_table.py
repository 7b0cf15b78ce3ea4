"""docs/parameters.md and config/m3.yaml say what m3_ros/config.py declares."""

import importlib.util
from pathlib import Path

from m3_ros.config import M3Config, load_config

ROOT = Path(__file__).resolve().parents[2]


def tool():
    path = ROOT / "tools/parameter_table.py"
    spec = importlib.util.spec_from_file_location("parameter_table", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_both_files_are_up_to_date():
    remedy = "run: .venv/bin/python tools/parameter_table.py"
    assert (ROOT / "docs/parameters.md").read_text() == tool().table(), remedy
    assert (ROOT / "config/m3.yaml").read_text() == tool().settings_file(), remedy


def test_the_file_holds_the_defaults():
    assert load_config(ROOT / "config/m3.yaml") == M3Config()
