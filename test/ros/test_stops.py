"""A stop in the middle of a motion, one in each phase, with real processes.

`m3 bench stops` covers all phases and kinds at many moments, and measures the time to rest.
"""

import pytest

from m3_ros.nodes.bench_stops import run
from m3_ros.nodes.stop_trial import run_trial

CASES = {
    "scan": ("cancel", 0),
    "look": ("SIGTERM", 0),
    "drive": ("SIGSTOP", 1),
    "approach": ("SIGINT", 0),
    "close": ("SIGKILL", 1),
    "lift": ("guard SIGKILL", None),
    "place": ("guard SIGINT", None),
}
"""By phase: how the robot is stopped, and how often a guard that lives stops it."""
PATIENT = ("motion.hang_timeout=10.0", "motion.start_timeout=60.0", "motion.state_timeout=10.0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("states")


@pytest.mark.parametrize("phase", CASES)
def test_the_robot_comes_to_rest(folder, phase):
    kind, guard_stops = CASES[phase]
    trial = run_trial(phase, kind, 0, folder, PATIENT)  # raises where the robot does not rest
    assert trial.speed > 0.02, trial
    assert guard_stops is None or trial.guard_stops == guard_stops, trial


def test_an_unknown_phase_is_refused():
    with pytest.raises(ValueError, match="scan, look"):
        run(phases=("dance",))
