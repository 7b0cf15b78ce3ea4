"""Time parameterization: joint moves by ruckig, straight moves with a minimum-jerk profile."""

from __future__ import annotations

import numpy as np
from ruckig import InputParameter, Result, Ruckig, Synchronization, Trajectory
from scipy.interpolate import CubicSpline

from m3_ros.grasp.robot import JointTrajectory
from m3_ros.types import Array

SAMPLE_PERIOD = 0.02
"""Time between points of a trajectory, s: one joint state at 50 Hz."""
JERK_RATIO = 10.0
"""Jerk limit over acceleration limit, 1/s: full acceleration after 0.1 s, five points."""
PEAK_SPEED = 1.875
"""Peak speed of a minimum-jerk motion over its mean."""
MIN_SAMPLES = 5
"""Sample periods that a straight move takes at least."""


def joint_move(
    start: Array, goal: Array, max_velocity: float, max_acceleration: float
) -> JointTrajectory:
    """Return the fastest straight motion in joint space, from rest to rest within the limits.

    Args:
        start: `[6]` rad.
        goal: `[6]` rad.
        max_velocity: of every joint, rad/s.
        max_acceleration: of every joint, rad/s^2; the jerk stays under 10/s times that.
    """
    count = len(start)
    problem = InputParameter(count)
    problem.current_position, problem.target_position = list(start), list(goal)
    problem.max_velocity = [max_velocity] * count
    problem.max_acceleration = [max_acceleration] * count
    problem.max_jerk = [JERK_RATIO * max_acceleration] * count
    problem.synchronization = Synchronization.Phase  # on the straight line in joint space
    motion = Trajectory(count)
    result = Ruckig(count).calculate(problem, motion)
    if result not in (Result.Working, Result.Finished):
        raise ValueError(f"no joint motion from {start} to {goal}: ruckig returns {result}")
    times = _times(max(motion.duration, SAMPLE_PERIOD))
    states = [motion.at_time(min(time, motion.duration)) for time in times]
    positions = np.array([state[0] for state in states])
    velocities = np.array([state[1] for state in states])
    return JointTrajectory(positions, velocities, times)


def straight_move(
    path: Array, length: float, max_speed: float, max_velocity: float, max_acceleration: float
) -> JointTrajectory:
    """Return a minimum-jerk motion along evenly spaced joint positions, from rest to rest.

    Args:
        path: `[K, 6]` joint positions at equal distances, K >= 2, rad.
        length: of the path in space, m.
        max_speed: peak speed in space, m/s.
        max_velocity: of every joint, rad/s.
        max_acceleration: of every joint, rad/s^2.
    """
    curve = CubicSpline(np.linspace(0.0, 1.0, len(path)), path)
    s = np.linspace(0.0, 1.0, 200)
    speed = 30 * s**2 * (1 - s) ** 2  # of 10 s^3 - 15 s^4 + 6 s^5
    slope, bend = curve(_min_jerk(s), 1), curve(_min_jerk(s), 2)
    pull = 60 * s * (1 - s) * (1 - 2 * s)
    fastest = np.abs(slope * speed[:, None]).max() / max_velocity
    hardest = np.abs(bend * speed[:, None] ** 2 + slope * pull[:, None]).max() / max_acceleration
    shortest = MIN_SAMPLES * SAMPLE_PERIOD
    duration = max(PEAK_SPEED * length / max_speed, fastest, np.sqrt(hardest), shortest)
    times = _times(duration)
    s = times / times[-1]
    rate = 30 * s**2 * (1 - s) ** 2 / times[-1]
    return JointTrajectory(curve(_min_jerk(s)), curve(_min_jerk(s), 1) * rate[:, None], times)


def join(*parts: JointTrajectory) -> JointTrajectory:
    """Return one trajectory of several; each starts, at rest, where the previous one ends."""
    offsets = np.cumsum([0.0, *(part.duration for part in parts)])
    times = [part.times[min(i, 1) :] + offsets[i] for i, part in enumerate(parts)]
    positions = [part.positions[min(i, 1) :] for i, part in enumerate(parts)]
    velocities = [part.velocities[min(i, 1) :] for i, part in enumerate(parts)]
    return JointTrajectory(
        np.concatenate(positions), np.concatenate(velocities), np.concatenate(times)
    )


def _min_jerk(s: Array) -> Array:
    """Return the share of the path at `s` in [0, 1] of the time; at rest at both ends."""
    return 10 * s**3 - 15 * s**4 + 6 * s**5


def _times(duration: float) -> Array:
    """Return evenly spaced times from 0 to `duration`, at most `SAMPLE_PERIOD` apart."""
    return np.linspace(0.0, duration, max(int(np.ceil(duration / SAMPLE_PERIOD)), 1) + 1)
