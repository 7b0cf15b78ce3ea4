"""A scan that is being taken is remembered on the way; any scan can be built; errors are told."""

import time

import pytest
import torch

from m3_ros.capture.scan import ScanError, ScanWriter
from m3_ros.config import M3Config, MemoryConfig, SplatConfig
from m3_ros.memory.incremental import IncrementalBuilder, newest_scan

SPLAT = SplatConfig(voxel_size=0.012, max_iterations=10, max_seconds=0.0, sh_degree=0)
CONFIG = M3Config(splat=SPLAT, memory=MemoryConfig(refine_steps=2))


class Counting:
    """A model that knows how many pictures it has seen."""

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
def growing(tmp_path, toy, model):
    list(write(tmp_path / "20260101-000000", toy.frames[:2]))  # older than the start
    memory = IncrementalBuilder(tmp_path, CONFIG, lambda: [model])
    yield memory
    memory.close()


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_frames_are_remembered_as_they_are_written(tmp_path, toy, model, growing):
    scan = tmp_path / "20260101-000001"
    for count, _ in enumerate(write(scan, toy.frames), 1):
        wait_for(lambda count=count: model.seen == count)
    stages = []
    memory = growing.build(newest_scan(tmp_path), lambda stage, share: stages.append(stage))
    assert memory.frames == model.seen == len(toy.frames)
    assert list(dict.fromkeys(stages)) == [
        "fit",
        "lift",
        "color",
    ]  # no features are left to extract
    text = toy.model.encode_text(["blue"])
    best = memory.gaussians.means[memory.similarity("color", text)[:, 0].topk(10).indices, :2]
    assert (best.mean(0) - torch.tensor(toy.places["blue"])).abs().max() < 0.03


def test_an_older_scan_is_left_alone_until_asked_for(tmp_path, model, growing):
    time.sleep(0.3)
    assert model.seen == 0
    scan = newest_scan(tmp_path)
    assert growing.build(scan).frames == 2
    assert growing.build(scan).frames == 2  # again
    assert model.seen == 2


def test_a_scan_in_progress_at_the_start_is_followed(tmp_path, toy, model):
    frames = write(tmp_path / "20260101-000000", toy.frames[:4])
    next(frames)
    memory = IncrementalBuilder(tmp_path, CONFIG, lambda: [model])
    list(frames)
    wait_for(lambda: model.seen == 4)
    memory.close()


def test_an_older_scan_that_was_built_is_kept_while_nothing_new_comes(
    tmp_path, toy, model, growing
):
    list(write(tmp_path / "20260101-000001", toy.frames[2:4]))
    wait_for(lambda: model.seen == 2)
    for _ in range(2):
        assert growing.build(tmp_path / "20260101-000000").frames == 2
        time.sleep(0.5)  # s, in which the newer scan could take its place
    assert model.seen == 4


@pytest.mark.parametrize("error", [FileNotFoundError, RuntimeError])
def test_a_model_that_cannot_be_loaded_is_told_by_the_build(tmp_path, toy, caplog, error):
    def load():
        raise error("no weights")

    memory = IncrementalBuilder(tmp_path, CONFIG, load)
    list(write(tmp_path / "20260101-000000", toy.frames[:2]))
    wait_for(lambda: "no weights" in caplog.text)
    with pytest.raises(error, match="no weights"):
        memory.build(newest_scan(tmp_path))
    memory.close()


def test_an_interrupted_build_can_be_repeated(tmp_path, growing):
    def interrupt(stage, share):
        raise RuntimeError("cancelled")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="cancelled"):
            growing.build(newest_scan(tmp_path), interrupt)
    assert growing.build(newest_scan(tmp_path)).frames == 2


def test_what_is_no_scan_is_named(tmp_path, growing):
    with pytest.raises(ScanError, match="nowhere is no scan"):
        growing.build(tmp_path / "nowhere")
    with pytest.raises(ScanError, match="no scan in"):
        newest_scan(tmp_path / "nowhere")
