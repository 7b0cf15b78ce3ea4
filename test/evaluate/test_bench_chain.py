"""The error budget of Eq. 3: nothing without errors, and each one where it belongs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from m3_ros.evaluate.bench_chain import run
from m3_ros.evaluate.chain_trial import (
    NO_ERRORS,
    STANDING,
    ChainTrial,
    Errors,
    Motion,
    draw_observations,
    move,
)
from m3_ros.geometry import inverse, transform
from m3_ros.grasp.kinematics import Arm
from m3_ros.robot_model import load_robot
from m3_ros.sim.mujoco_model import MujocoModel

CAMERA_FRAME = load_robot().camera_frame


@pytest.fixture(scope="module")
def robot():
    return MujocoModel(load_robot())


@pytest.fixture(scope="module")
def observations():
    return draw_observations(Arm(load_robot()), 0.5, np.random.default_rng(1))


def error(robot, observations, errors, motion=Motion(), seed=0):  # noqa: B008 (frozen)
    target, scan, now = observations
    now = move(now, motion, np.random.default_rng(2))
    return ChainTrial(robot, motion, [seed]).error(target, scan, now, errors)


def test_both_observations_see_the_target_from_the_distance(robot, observations):
    target, *both = observations
    for observation in both:
        joints, T_world_base = observation.at(observation.stamp)
        camtoworld = T_world_base @ robot.base_to(CAMERA_FRAME, joints)
        seen = transform(inverse(camtoworld), target)
        np.testing.assert_allclose(seen, [0.0, 0.0, 0.5], atol=1e-3)


@pytest.mark.parametrize("motion", [STANDING, Motion(), Motion(arm_speed=1.0, base_speed=0.5)])
def test_without_errors_the_chain_is_exact(robot, observations, motion):
    assert error(robot, observations, NO_ERRORS, motion) < 1e-9


def test_small_errors_add_up_in_proportion(robot, observations):
    for name, value in (("joints", 1e-5), ("odometry", (1e-5, 1e-5)), ("hand_eye", (1e-5, 1e-5))):
        once = error(robot, observations, replace(NO_ERRORS, **{name: value}))
        doubled = tuple(2 * np.array(value)) if isinstance(value, tuple) else 2 * value
        twice = error(robot, observations, replace(NO_ERRORS, **{name: doubled}))
        assert once > 1e-7
        assert twice == pytest.approx(2 * once, rel=1e-3)


def test_a_late_stamp_costs_nothing_while_the_robot_stands(robot, observations):
    late = replace(NO_ERRORS, delay=0.02)
    assert error(robot, observations, late, STANDING) < 1e-9
    base_only = Motion(arm_speed=0.0, base_speed=0.1, yaw_rate=0.0)
    assert error(robot, observations, late, base_only) == pytest.approx(0.002, rel=1e-6)


def test_drift_grows_with_the_way_driven(robot, observations):
    drift = replace(NO_ERRORS, drift=(0.003, 0.0))
    for way in (1.0, 4.0):
        motion = Motion(driven=way)
        assert error(robot, observations, drift, motion) == pytest.approx(0.003 * way, rel=1e-6)


def test_the_command_writes_every_row(tmp_path, capsys):
    budget = run(Errors(), Motion(), trials=2, json_path=tmp_path / "chain.json")
    assert "hand_eye" in capsys.readouterr().out
    written = json.loads((tmp_path / "chain.json").read_text())["budget"]
    assert set(written) == set(budget) >= {"none, standing", "none, moving", "joints", "all"}
    for distance, values in budget["all"].items():
        assert written["all"][str(distance)]["median_m"] == pytest.approx(np.median(values))
        assert max(budget["none, moving"][distance]) < 1e-9 < min(values)
    with pytest.raises(ValueError, match="trials"):
        run(Errors(), Motion(), trials=0)
