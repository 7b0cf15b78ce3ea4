"""ros2_control's joint_trajectory_controller, without ROS: how it moves and ends goals.

Equals ros2_controllers 4.42.1 (jazzy): interpolation is that of `Trajectory::sample`, tolerances
and results those of `update`; acceptance is in `trajectory_rules.py`. The reason of an aborted
goal begins as there, and adds the joint, which there is in the log alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy.interpolate import BPoly

from m3_ros.sim.trajectory_rules import (
    Parameters,
    Point,
    ResultCode,
    Tolerances,
    Trajectory,
    TrajectoryRejected,
    check_trajectory,
)
from m3_ros.types import Array


class TrajectoryController:
    """Set points of joints over time; one goal at a time, of the action or of the topic.

    Args:
        parameters: names and tolerances.
        positions: `[n]` to hold, rad.

    Attributes:
        active: an inactive controller rejects goals and ignores the topic.
        result: code and sentence of the goal that ended last; None while one is under way.
    """

    def __init__(self, parameters: Parameters, positions: Array) -> None:
        self.parameters = parameters
        self.active = True
        self.result: tuple[ResultCode, str] | None = None
        self._tolerances = parameters.tolerances
        self._is_goal = self._is_new = False
        self.hold(positions)

    @property
    def moving(self) -> bool:
        """Whether a trajectory is under way."""
        return self._segments is not None

    def start(
        self, trajectory: Trajectory, positions: Array, velocities: Array, now: float,
        *, is_goal: bool, tolerances: Tolerances | None = None,
    ) -> None:  # fmt: skip
        """Follow a trajectory from where the joints are; it replaces the one before.

        One of the topic leaves a goal under way active: it ends with the new trajectory.

        Args:
            trajectory: as received.
            positions: `[n]` measured, rad.
            velocities: `[n]` measured, rad/s.
            now: controller's clock, s.
            is_goal: of the action, which gives a result.
            tolerances: of the goal; None keeps those in use for the topic, else the parameters'.

        Raises:
            TrajectoryRejected: the controller is not active, or a rule is broken.
        """
        if not self.active:
            raise TrajectoryRejected("the controller is not active")
        check_trajectory(trajectory, self.parameters, now)
        began = trajectory.stamp or now
        here = Point(positions, velocities, np.zeros_like(positions))
        rest = self.set_point(now)[0]
        points = [self._full(point, trajectory.joint_names, rest) for point in trajectory.points]
        times = [began + point.time_from_start for point in points]
        self._segments = [
            _Segment(*pair)
            for pair in zip([now, *times[:-1]], times, [here, *points[:-1]], points, strict=True)
        ]
        self._is_new = True
        self._end, self._last = times[-1], np.asarray(points[-1].positions, np.float64)
        if is_goal:
            self._is_goal, self.result = True, None
            self._tolerances = tolerances or self.parameters.tolerances

    def hold(self, positions: Array) -> None:
        """Hold positions `[n]` (rad): what a cancelled or aborted goal leads to."""
        self._segments: list[_Segment] | None = None
        self._held = np.array(positions, np.float64)

    def cancel(self, positions: Array) -> None:
        """End the goal under way by its client's wish; the joints are held at `positions [n]`."""
        self._is_goal = False
        self.hold(positions)

    def deactivate(self, now: float) -> None:
        """Abort the goal under way, and hold the set point of `now`, which the hardware keeps."""
        held = self.set_point(now)[0]
        self.active = False
        self._finish(
            ResultCode.INVALID_GOAL, "Current goal cancelled during deactivate transition.", held
        )

    def set_point(self, now: float) -> tuple[Array, Array]:
        """Commanded positions `[n]` (rad) and velocities `[n]` (rad/s)."""
        if self._segments is None:
            return self._held, np.zeros_like(self._held)
        for segment in self._segments:
            if now < segment.end:
                return segment.sample(now)
        return self._last, np.zeros_like(self._last)

    def update(self, positions: Array, now: float) -> None:
        """Compare measured positions `[n]` with the set point; end what is due."""
        if self._segments is None:
            return
        error = np.abs(positions - self.set_point(now)[0])
        late, is_new, self._is_new = now - self._end, self._is_new, False
        outside = self._exceeds(error, self._tolerances.path)
        if outside and (late < 0.0 or is_new):  # also where the first point is due at once
            why = f"Aborted due to path tolerance violation: {outside}"
            self._finish(ResultCode.PATH_TOLERANCE_VIOLATED, why, positions)
        elif late < 0.0:
            return
        elif not (outside := self._exceeds(error, self._tolerances.goal)):
            self._finish(ResultCode.SUCCESSFUL, "Goal successfully reached!", self._last)
        elif 0.0 < self._tolerances.goal_time < late:
            why = f"Aborted due to goal_time_tolerance exceeding by {late:f} seconds: {outside}"
            self._finish(ResultCode.GOAL_TOLERANCE_VIOLATED, why, positions)

    def _exceeds(self, error: Array, tolerance: Array) -> str:
        """Name of the joint whose error is farthest beyond its tolerance; empty if none is."""
        beyond = np.where(tolerance > 0.0, error - tolerance, -np.inf)
        worst = int(beyond.argmax())
        if beyond[worst] <= 0.0:
            return ""
        return f"{self.parameters.joints[worst]} is {error[worst]:.3f} rad off"

    def _finish(self, code: ResultCode, why: str, positions: Array) -> None:
        if self._is_goal:
            self.result = (code, why)
        self._is_goal = False
        self.hold(positions)

    def _full(self, point: Point, names: Sequence[str], rest: Array) -> Point:
        """A point of all joints in the controller's order; joints not named stay at `rest [n]`."""

        def column(values: Sequence[float], rest: Array) -> Array | tuple[()]:
            if not len(values):
                return ()
            given = dict(zip(names, values, strict=True))
            joints = self.parameters.joints
            return np.array([given.get(name, rest[i]) for i, name in enumerate(joints)])

        zero = np.zeros(len(rest))
        return Point(
            column(point.positions, rest),
            column(point.velocities, zero),
            column(point.accelerations, zero),
            time_from_start=point.time_from_start,
        )


class _Segment:
    """Between two points: linear in position; cubic or quintic where both have derivatives."""

    def __init__(self, start: float, end: float, a: Point, b: Point) -> None:
        self.end = end
        self._start, self._points = start, (a, b)

    @cached_property
    def _curves(self) -> tuple[BPoly, BPoly]:
        """Position and velocity; made when first needed: it takes 0.4 ms."""
        a, b = self._points
        columns = [(a.positions, b.positions)]
        for pair in ((a.velocities, b.velocities), (a.accelerations, b.accelerations)):
            if not all(len(values) for values in pair):
                break
            columns.append(pair)
        derivatives = np.array(columns, np.float64).swapaxes(0, 1)
        # A first point due at once is a jump, which the tolerances may refuse.
        span = [min(self._start, np.nextafter(self.end, -np.inf)), self.end]
        curve = BPoly.from_derivatives(span, derivatives)
        return curve, curve.derivative()

    def sample(self, now: float) -> tuple[Array, Array]:
        """Positions and velocities `[n]` at `now`, s."""
        position, velocity = self._curves
        return position(now), velocity(now)
