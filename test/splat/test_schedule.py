"""Steps of a fit: by quality and number of frames, or as set."""

from m3_ros.config import SplatConfig
from m3_ros.splat.schedule import steps


def test_better_quality_and_more_frames_take_more_steps():
    few, many = (
        [steps(SplatConfig(quality=quality), frames) for quality in ("draft", "normal", "best")]
        for frames in (10, 400)
    )
    assert few == sorted(set(few)) and many == sorted(set(many))
    assert all(a < b for a, b in zip(few, many, strict=True))


def test_steps_grow_linearly_with_frames():
    config = SplatConfig()
    assert steps(config, 1000) == 2 * steps(config, 500)


def test_a_number_that_is_set_counts():
    assert steps(SplatConfig(max_iterations=7), 1000) == 7


def test_frames_without_depth_take_more():
    config = SplatConfig()
    assert steps(config, 60, measured=False) > 2 * steps(config, 60)
    assert steps(SplatConfig(max_iterations=7), 60, measured=False) == 7
