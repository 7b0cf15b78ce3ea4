"""Building a memory: at once or incrementally, with either bank."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from m3_ros.config import M3Config, MemoryConfig, RobotConfig, SplatConfig
from m3_ros.memory.build import MemoryBuilder, build_memory
from m3_ros.memory.reduction import similarity_reduction
from m3_ros.splat.scale import scaled

SPLAT = SplatConfig(voxel_size=0.012, max_iterations=10, sh_degree=0)
CONFIG = M3Config(
    RobotConfig(world_frame="odom"), splat=SPLAT, memory=MemoryConfig(refine_steps=5)
)


@pytest.fixture(scope="module")
def built(toy):
    calls = []
    memory = build_memory(
        toy.frames, CONFIG, [toy.model], lambda stage, share: calls.append((stage, share))
    )
    return memory, calls


def test_the_memory_has_the_colours_at_their_places(toy, built):
    memory, _ = built
    assert (memory.frames, memory.frame_id) == (len(toy.frames), "odom")
    scores = memory.similarity("color", toy.model.encode_text(["blue", "red"]))
    for column, color in enumerate(("blue", "red")):
        best = memory.gaussians.means[scores[:, column].topk(10).indices, :2].mean(0)
        assert (best - torch.tensor(toy.places[color])).abs().max() < 0.03


@pytest.mark.parametrize("factor", [0.01, 100.0])
def test_a_scan_of_another_scale_gives_the_same_memory(toy, built, factor):
    memory, _ = built
    frames = [scaled(frame, factor) for frame in toy.frames]
    other = build_memory(frames, CONFIG, [toy.model], metric=False)
    assert memory.metric and not other.metric
    assert other.working_distance == pytest.approx(factor * memory.working_distance)
    view = other.views[0]
    size = view.width, view.height
    for what in ("rgb", "depth"):
        expected = memory.render(memory.views[0].camtoworld, view.K, size, what)
        shown = other.render(view.camtoworld, view.K, size, what)
        shown = shown / factor if what == "depth" else shown
        assert np.median(np.abs(shown - expected)) < 0.01
    text = toy.model.encode_text(["blue"])
    best = other.gaussians.means[other.similarity("color", text)[:, 0].topk(10).indices, :2]
    place = factor * torch.tensor(toy.places["blue"])
    assert (best.mean(0) - place).abs().max() < 0.03 * factor


def test_progress_is_reported_by_stage(built):
    _, calls = built
    stages = [stage for stage, _ in calls]
    assert list(dict.fromkeys(stages)) == ["features", "fit", "lift", "color"]
    assert all(0 <= share <= 1 for _, share in calls)
    assert calls[-1] == ("color", 1.0)


def test_frames_can_be_added_after_a_build(toy):
    everything = np.ones(toy.frames[0].depth.shape, bool)
    frames = [replace(frame, mask=everything) for frame in toy.frames]
    reference, builder = MemoryBuilder(CONFIG, [toy.model]), MemoryBuilder(CONFIG, [toy.model])
    for frame in frames:
        reference.add(frame)
    for frame in frames[:4]:
        builder.add(frame)
    early = builder.finish()
    assert early.frames == len(builder) == 4
    for frame in frames[4:]:
        builder.add(frame)
    late, once = (b.finish().model("color").bank for b in (builder, reference))
    torch.testing.assert_close(late.components, once.components)
    assert torch.equal(late.origins, once.origins)


@pytest.fixture(scope="module")
def carried(toy):
    """The toy scan twice over, with the robot's grey corner, near and steady, in every frame."""
    shape, frames = toy.frames[0].depth.shape, []
    corner = np.zeros(shape, bool)
    corner[90:, :50] = True
    for frame in [*toy.frames, *toy.frames]:
        rgb, depth = frame.rgb.copy(), frame.depth.copy()
        rgb[corner], depth[corner] = (230, 25, 25), 0.1
        frames.append(replace(frame, rgb=rgb, depth=depth))
    return frames, corner


def test_steps_do_work_before_the_end(toy, carried):
    frames, corner = carried
    builder = MemoryBuilder(CONFIG, [toy.model])
    for frame in frames:
        builder.add(frame)
        while builder.step():
            pass
    assert not builder.step()
    incremental = builder.finish()
    assert incremental.frames == len(builder) == len(frames)
    once = build_memory(frames, CONFIG, [toy.model])
    for memory in (incremental, once):
        eyes = torch.tensor(np.stack([frame.camtoworld[:3, 3] for frame in toy.frames]))
        assert torch.cdist(memory.gaussians.means.double(), eyes).min() > 0.2  # no robot
        _, row, column = memory.model("color").bank.origins.T.numpy()
        assert not corner[2 * row, 2 * column].any()
    text = toy.model.encode_text(["blue"])
    for memory in (incremental, once):
        best = memory.gaussians.means[memory.similarity("color", text)[:, 0].topk(10).indices, :2]
        assert (best.mean(0) - torch.tensor(toy.places["blue"])).abs().max() < 0.03


def test_the_papers_bank_is_algorithm_one(toy, toy_store):
    config = replace(CONFIG, memory=replace(CONFIG.memory, method="paper", refine_steps=0))
    bank = build_memory(toy.frames, config, [toy.model]).model("color").bank
    rows = [toy_store.read(i).flatten(0, 1) for i in range(len(toy_store))]
    rows = torch.cat(rows)
    rows = rows[torch.isfinite(rows).all(-1)]
    kept = similarity_reduction(rows, toy.model.threshold)
    torch.testing.assert_close(bank.components, rows[kept])


def test_a_build_needs_frames_and_an_extractor(toy):
    with pytest.raises(ValueError, match="no frames"):
        build_memory([], CONFIG, [toy.model])
    with pytest.raises(ValueError, match="extractors"):
        build_memory(toy.frames, CONFIG, [])
