"""A scan is processed while it is recorded; any scan can be built; errors are reported."""

import time
from pathlib import Path

import pytest
import torch

from m3_ros.capture.scan import ScanError
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import M3Config, MemoryConfig, SplatConfig
from m3_ros.memory.incremental import IncrementalBuilder, newest_scan

SPLAT = SplatConfig(voxel_size=0.012, max_iterations=10, sh_degree=0)
CONFIG = M3Config(splat=SPLAT, memory=MemoryConfig(refine_steps=2))


class Counting:
    """A model that counts the images it has extracted."""

    def __init__(self, model):
        self._model, self.seen = model, 0

    def __getattr__(self, name):
        return getattr(self._model, name)

    def extract(self, rgb):
        self.seen += 1
        return self._model.extract(rgb)


def write(folder, frames):
    with ScanWriter(folder) as writer:
        for frame in frames:
            writer.add(frame)
            yield frame


@pytest.fixture
def model(toy):
    return Counting(toy.model)


@pytest.fixture
def builder(tmp_path, toy, model):
    list(write(tmp_path / "20260101-000000", toy.frames[:2]))  # older than the start
    memory = IncrementalBuilder(tmp_path, CONFIG, lambda: [model])
    yield memory
    memory.close()


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_frames_are_processed_as_they_are_written(tmp_path, toy, model, builder):
    scan = tmp_path / "20260101-000001"
    for count, _ in enumerate(write(scan, toy.frames), 1):
        wait_for(lambda count=count: model.seen == count)
    stages = []
    memory = builder.build(newest_scan(tmp_path), lambda stage, share: stages.append(stage))
    assert memory.frames == model.seen == len(toy.frames)
    assert list(dict.fromkeys(stages)) == [
        "fit",
        "lift",
        "color",
    ]  # features were extracted before
    text = toy.model.encode_text(["blue"])
    best = memory.gaussians.means[memory.similarity("color", text)[:, 0].topk(10).indices, :2]
    assert (best.mean(0) - torch.tensor(toy.places["blue"])).abs().max() < 0.03


def test_a_scan_that_ends_while_it_is_looked_for_stays_the_newest(tmp_path, toy, monkeypatch):
    """Else the frames processed so far would be dropped for the scan before."""
    list(write(tmp_path / "20260101-000000", toy.frames[:1]))
    newest = ScanWriter(tmp_path / "20260101-000001")
    newest.add(toy.frames[0])
    glob, ends = Path.glob, [newest.close]

    def ending(folder, pattern):
        found = list(glob(folder, pattern))
        while ends:
            ends.pop()()
        return found

    monkeypatch.setattr(Path, "glob", ending)
    assert newest_scan(tmp_path).name == "20260101-000001"


def test_an_older_scan_is_processed_only_by_a_build(tmp_path, model, builder):
    time.sleep(0.3)
    assert model.seen == 0
    scan = newest_scan(tmp_path)
    assert builder.build(scan).frames == 2
    assert builder.build(scan).frames == 2  # again
    assert model.seen == 2


def test_a_scan_in_progress_at_the_start_is_processed(tmp_path, toy, model):
    frames = write(tmp_path / "20260101-000000", toy.frames[:4])
    next(frames)
    memory = IncrementalBuilder(tmp_path, CONFIG, lambda: [model])
    list(frames)
    wait_for(lambda: model.seen == 4)
    memory.close()


def test_the_builder_of_an_older_scan_is_kept_until_a_new_frame(tmp_path, toy, model, builder):
    list(write(tmp_path / "20260101-000001", toy.frames[2:4]))
    wait_for(lambda: model.seen == 2)
    for _ in range(2):
        assert builder.build(tmp_path / "20260101-000000").frames == 2
        time.sleep(0.5)  # s, in which the newer scan could replace it
    assert model.seen == 4


@pytest.mark.parametrize("error", [FileNotFoundError, RuntimeError])
def test_a_build_raises_what_loading_the_model_raised(tmp_path, toy, caplog, error):
    def load():
        raise error("no weights")

    memory = IncrementalBuilder(tmp_path, CONFIG, load)
    list(write(tmp_path / "20260101-000000", toy.frames[:2]))
    wait_for(lambda: "no weights" in caplog.text)
    with pytest.raises(error, match="no weights"):
        memory.build(newest_scan(tmp_path))
    memory.close()


def test_an_interrupted_build_can_be_repeated(tmp_path, builder):
    def interrupt(stage, share):
        raise RuntimeError("cancelled")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="cancelled"):
            builder.build(newest_scan(tmp_path), interrupt)
    assert builder.build(newest_scan(tmp_path)).frames == 2


def test_an_error_names_what_is_no_scan(tmp_path, builder):
    with pytest.raises(ScanError, match="nowhere is no scan"):
        builder.build(tmp_path / "nowhere")
    with pytest.raises(ScanError, match="no scan in"):
        newest_scan(tmp_path / "nowhere")
