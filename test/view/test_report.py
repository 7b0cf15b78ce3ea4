"""The report holds what it was given, escaped, in one file."""

import base64
import json
import re

import cv2
import numpy as np

from m3_ros.view.report import Section, flatten, write_html, write_json


def test_json_round_trip_leaves_no_part(tmp_path):
    write_json(tmp_path / "report.json", {"a": {"b": None}})
    assert json.loads((tmp_path / "report.json").read_text()) == {"a": {"b": None}}
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_json_goes_through_a_link(tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "target.json")
    write_json(tmp_path / "link.json", {"a": 1})
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "target.json").read_text()) == {"a": 1}


def test_page_shows_sentence_figures_and_pictures(tmp_path):
    image = np.full((16, 16, 3), (200, 40, 10), np.uint8)
    page = tmp_path / "report.html"
    write_html(page, "Run", "1 < 2", {"memory": {"psnr_db": 31.5}}, [Section("S", "n", [image])])
    text = page.read_text()
    assert "1 &lt; 2" in text and "memory.psnr_db" in text and "31.5" in text
    data = base64.b64decode(re.search(r"base64,([^\"]+)", text)[1])
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(back.astype(int) - image).max() < 12


def test_flatten_names_nested_rows():
    assert flatten({"a": {"b": 1, "c": {"d": 2}}, "e": 3}) == [("a.b", 1), ("a.c.d", 2), ("e", 3)]
