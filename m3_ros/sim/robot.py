"""The `Robot` protocol over a simulation in this process: motions step the physics themselves."""

from __future__ import annotations

from collections.abc import Callable

from m3_ros.capture.frame import RgbdFrame
from m3_ros.grasp.base_controller import goal_reached, pose_error, velocity_command
from m3_ros.grasp.robot import (
    JointState,
    JointTrajectory,
    MotionCancelled,
    RobotError,
    TrackingError,
    never,
)
from m3_ros.sim.gripper_controller import GoalState
from m3_ros.sim.simulation import Simulation
from m3_ros.sim.trajectory_rules import Point, ResultCode, Trajectory
from m3_ros.types import Array

TICK = 0.02  # simulated time between checks of `cancelled`, s; `Robot` allows 0.05
GRIPPER_TIMEOUT = 5.0  # beyond the time that the way to the position takes, s
BASE_TIMEOUT = 60.0  # for one drive, s: 9 m at the default speed


class SimulatedRobot:
    """Drives a `Simulation` that nobody else steps; the methods are those of `Robot`.

    Stamps are simulated time. A motion that its controller rejects raises `TrajectoryRejected`.

    Args:
        simulation: the robot.
        on_tick: called after every tick of 0.02 s, say to take pictures.
    """

    def __init__(self, simulation: Simulation, on_tick: Callable[[], None] = lambda: None) -> None:
        self.simulation = simulation
        self._on_tick = on_tick

    def joint_state(self) -> JointState:
        return self.simulation.joint_state()

    def base_pose(self) -> Array:
        return self.simulation.odometry().T_map_base

    def capture_frame(self) -> RgbdFrame:
        self.wait(1.0 / self.simulation.config.camera_rate)
        return self.simulation.capture()

    def execute_trajectory(
        self, trajectory: JointTrajectory, cancelled: Callable[[], bool] = never
    ) -> None:
        rows = zip(trajectory.positions, trajectory.velocities, trajectory.times, strict=True)
        points = [Point(p, v, time_from_start=float(time)) for p, v, time in rows]
        names = self.simulation.robot_model.arm.joints
        self.simulation.start_arm(Trajectory(names, points), is_goal=True)
        while (result := self.simulation.arm.result) is None:
            self._tick(cancelled)
        if result[0] is not ResultCode.SUCCESSFUL:
            raise TrackingError(f"the arm did not follow its trajectory: {result[1]}")

    def move_gripper(
        self,
        position: float,
        max_effort: float,
        max_speed: float,
        cancelled: Callable[[], bool] = never,
    ) -> float:
        self.simulation.start_gripper([position], [max_speed], [max_effort])
        duration = abs(position - self.simulation.joint_state().gripper) / max_speed
        end = self.simulation.time + duration + GRIPPER_TIMEOUT
        try:
            while self.simulation.gripper.state is None and self.simulation.time < end:
                self._tick(cancelled)
        except MotionCancelled:
            self.simulation.stop_gripper()
            raise
        if self.simulation.gripper.state is not GoalState.SUCCEEDED:
            raise RobotError(f"the gripper did not reach {position:.3f}")
        return self.simulation.joint_state().gripper

    def move_base(
        self,
        T_map_base: Array,
        max_speed: float,
        max_yaw_rate: float,
        cancelled: Callable[[], bool] = never,
    ) -> None:
        end = self.simulation.time + BASE_TIMEOUT
        while not goal_reached(left := pose_error(self.base_pose(), T_map_base)):
            if self.simulation.time > end:
                x, y, yaw = left
                raise RobotError(
                    f"the base is still {x:.3f}, {y:.3f} m, {yaw:.3f} rad off its goal"
                )
            self.simulation.set_base_velocity(*velocity_command(left, max_speed, max_yaw_rate))
            self._tick(cancelled)
        self.simulation.set_base_velocity(0.0, 0.0, 0.0)
        self.wait(0.5)

    def hold(self) -> None:
        self.simulation.stop_arm()
        self.simulation.set_base_velocity(0.0, 0.0, 0.0)

    def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        end = self.simulation.time + seconds
        while self.simulation.time < end - 1e-9:
            self._tick(never)

    def _tick(self, cancelled: Callable[[], bool]) -> None:
        if cancelled():
            self.hold()
            raise MotionCancelled("cancelled: the robot has stopped")
        self.simulation.step_until(self.simulation.time + TICK)
        self._on_tick()
