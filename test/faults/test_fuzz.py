"""A share of `make fuzz`: readers of damaged files return, or raise what they document."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))

import fuzz
from fuzz_inputs import make_ply


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("importer", 60),
        ("colmap", 60),
        ("colmap_binary", 60),
        ("memory", 150),
        ("ply", 300),
        ("settings", 80),
        ("rasterizer", 200),
        ("messages", 150),
        ("requests", 400),
    ],
)
def test_no_damage_escapes(name, runs):
    assert fuzz.fuzz(name, runs, seed=7) == []


def test_an_escape_is_told_with_its_run(monkeypatch):
    """Without this, a fuzzer that reads nothing would pass as well."""

    def read(folder):
        raise TypeError("cannot be read")

    monkeypatch.setitem(fuzz.READERS, "ply", fuzz.Reader(make_ply, read, ValueError))
    assert fuzz.fuzz("ply", 1, first=3) == ["ply run 3 (g.ply): TypeError: cannot be read"]


def test_memory_that_a_reader_takes_is_an_escape(monkeypatch):
    monkeypatch.setattr(fuzz, "MAX_MEMORY", 50 << 20)
    read = lambda folder: b"x" * (200 << 20)  # noqa: E731
    monkeypatch.setitem(fuzz.READERS, "ply", fuzz.Reader(make_ply, read, ValueError))
    (escape,) = fuzz.fuzz("ply", 1)
    assert escape.startswith("ply run 0 (g.ply): took ") and escape.endswith(" MB")


def test_most_damage_is_found(tmp_path):
    """Files that the fuzzer damages are refused often enough to be a test."""
    refused = 0

    def read(folder):
        nonlocal refused
        try:
            fuzz.READERS["settings"].read(folder)
        except Exception:
            refused += 1
            raise

    reader = fuzz.READERS["settings"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(fuzz.READERS, "settings", fuzz.Reader(reader.make, read, reader.error))
        fuzz.fuzz("settings", 40)
    assert refused > 20


def test_an_image_without_rows_is_refused():
    """Found by the fuzzer: OpenCV could not scale it."""
    assert fuzz.fuzz("messages", 1, first=11769) == []
