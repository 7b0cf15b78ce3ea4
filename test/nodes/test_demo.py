"""Options of `m3 demo` that cannot work are refused before anything starts."""

from dataclasses import replace
from pathlib import Path

import pytest

from m3_ros.config import M3Config
from m3_ros.errors import UsageError
from m3_ros.nodes.demo import DemoOptions, settings

OPTIONS = DemoOptions(0, "cup", None, (-0.05, 0.2, -15.0), Path("demo_output"), "compact")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"query": " "}, "query is"),
        ({"base_shift": (0.0, float("nan"), 0.0)}, "base-shift is"),
        ({"base_shift": (float("inf"), 0.0, 0.0)}, "base-shift is"),
        ({"encoder": "nope"}, "encoder is 'nope'; it must be one of"),
        ({"encoder": ""}, "encoder is ''; it must be one of"),
    ],
)
def test_an_option_that_cannot_work_is_refused(change, words):
    with pytest.raises(UsageError) as error:
        settings(replace(OPTIONS, **change))
    assert words in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("encoder", ["compact", "clip", "ViT-B-16:laion2b_s34b_b88k"])
def test_the_encoder_of_the_demo_is_the_model_of_the_memory(encoder):
    assert settings(replace(OPTIONS, encoder=encoder)).features.models == (encoder,)


def test_a_machine_that_is_busy_with_the_build_does_not_stop_the_simulated_arm():
    ordinary = M3Config().motion
    motion = settings(OPTIONS).motion
    assert motion.hang_timeout > 3 * ordinary.hang_timeout and motion.require_guard
