"""Trajectories for ros2_control's joint_trajectory_controller, by its action or its topic."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
from action_msgs.msg import GoalStatus
from control_msgs.action import FollowJointTrajectory
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.subscription import Subscription
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMessage

from m3_ros.grasp.robot import JointTrajectory, RobotError, TrackingError
from m3_ros.motion_settings import MotionConfig
from m3_ros.nodes.controller_action import ACK_TIMEOUT, ControllerAction
from m3_ros.nodes.conversions import holding_message, trajectory_message
from m3_ros.nodes.motion_loop import MotionLoop
from m3_ros.types import Array

RESULT = FollowJointTrajectory.Result
CODES = {
    RESULT.INVALID_GOAL: "INVALID_GOAL",
    RESULT.INVALID_JOINTS: "INVALID_JOINTS",
    RESULT.OLD_HEADER_TIMESTAMP: "OLD_HEADER_TIMESTAMP",
    RESULT.PATH_TOLERANCE_VIOLATED: "PATH_TOLERANCE_VIOLATED",
    RESULT.GOAL_TOLERANCE_VIOLATED: "GOAL_TOLERANCE_VIOLATED",
}
OFF_TRAJECTORY = (RESULT.PATH_TOLERANCE_VIOLATED, RESULT.GOAL_TOLERANCE_VIOLATED)


class ArmClient:
    """Follows trajectories; the topic, which tells nothing, only where no action is served.

    Args:
        node: publishes on the topic.
        inputs: carries the action's client and hears other nodes' commands.
        controller: name that its topics and actions begin with.
        joints: names that it knows.
        limits: tolerances and times.
        loop: waits of motions.

    Attributes:
        action: of the controller.
    """

    def __init__(
        self, node: Node, inputs: Node, controller: str, joints: Sequence[str],
        limits: MotionConfig, loop: MotionLoop,
    ) -> None:  # fmt: skip
        self._joints, self._limits, self._loop = joints, limits, loop
        self.action = ControllerAction(
            inputs,
            FollowJointTrajectory,
            controller,
            "follow_joint_trajectory",
            loop,
            limits.controller_timeout,
            joints,
        )
        self._topic = node.create_publisher(
            JointTrajectoryMessage, f"{controller}/joint_trajectory", 10
        )
        self._topic_only = self._on_topic = False
        self._inputs, self._strange = inputs, False
        self._watched: Subscription | None = None
        self._measured = np.zeros(len(joints))

    def follow(self, trajectory: JointTrajectory, cancelled: Callable[[], bool]) -> None:
        """Follow a trajectory to its end.

        Raises:
            MotionCancelled, JointStatesLost: the arm has been stopped.
            TrackingError: the arm did not follow, and the controller has stopped it.
            RobotError: the controller is missing, rejects, or dies.
        """
        if not self._topic_only and not self.action.ready():
            self._topic_only = not self.action.wait_ready(cancelled)
        if self.action.ready():
            self._topic_only = False
            self._follow_action(trajectory, cancelled)
        elif self._topic.get_subscription_count() > (self._watched is not None):
            self._follow_topic(trajectory, cancelled)
        else:
            self._topic_only = False
            raise self.action.missing()

    def stop(self) -> None:
        """Stop the motion under way, if any: cancel its goal, or send a point that holds."""
        self.action.stop()
        if self._on_topic:
            self._on_topic = False
            self._topic.publish(holding_message(self._joints, self._measured.tolist()))
            self._loop.ending(self._acknowledged, ACK_TIMEOUT)

    def _acknowledged(self, timeout: float) -> bool:
        return self._topic.wait_for_all_acked(Duration(seconds=timeout))

    def _follow_action(self, trajectory: JointTrajectory, cancelled: Callable[[], bool]) -> None:
        if self._watched is None:
            self._watched = self._inputs.create_subscription(
                JointTrajectoryMessage, self._topic.topic_name, self._note_stranger, 1
            )
        goal = FollowJointTrajectory.Goal(trajectory=trajectory_message(trajectory, self._joints))
        self._strange = False
        answer = self.action.run(
            goal, trajectory.duration, self._limits.goal_timeout, cancelled, True, self._stranger
        )
        code, said = answer.result.error_code, answer.result.error_string
        if answer.status == GoalStatus.STATUS_SUCCEEDED and code == RESULT.SUCCESSFUL:
            self._check_arrival(trajectory.positions[-1], cancelled)
            return
        if answer.status == GoalStatus.STATUS_CANCELED:
            raise RobotError(f"{self.action.name}: another node has cancelled the motion")
        text = f"{self.action.name} ended with {CODES.get(code, code)}: {said or 'no reason'}"
        raise TrackingError(text) if code in OFF_TRAJECTORY else RobotError(text)

    def _note_stranger(self, _: JointTrajectoryMessage) -> None:
        self._strange = True  # this node sends nothing there while it uses the action

    def _stranger(self) -> str:
        """Return that another node has commanded the arm in this motion, or empty."""
        if not self._strange:
            return ""
        topic = self._topic.topic_name
        names = ", ".join(
            sorted(
                f"{info.node_namespace.rstrip('/')}/{info.node_name}"
                for info in self._inputs.get_publishers_info_by_topic(topic)
            )
        )
        return (
            f"another node commands the arm on {topic} in a motion, which is stopped; nodes that "
            f"can: {names}"
        )

    def _check_arrival(self, end: Array, cancelled: Callable[[], bool]) -> None:
        """Check that the arm is where a goal that succeeded ends.

        A controller that takes a command of its topic meanwhile follows that one, and its goal
        succeeds.

        Raises:
            TrackingError: it is elsewhere.
        """
        limits, latest = self._limits, time.monotonic() + self._limits.goal_timeout
        while (error := np.abs(self._loop.joint_state().arm - end).max()) > limits.path_tolerance:
            if time.monotonic() > latest:
                raise TrackingError(
                    f"{self.action.name} succeeded, and the arm is {error:.2f} rad off the end of "
                    "its trajectory: does another node command it?"
                )
            self._loop.tick(cancelled)

    def _follow_topic(self, trajectory: JointTrajectory, cancelled: Callable[[], bool]) -> None:
        if told := self.action.problem():
            raise RobotError(told)
        self._measured, limits = self._loop.joint_state().arm, self._limits
        self._loop.check(cancelled)
        self._on_topic = True
        self._topic.publish(trajectory_message(trajectory, self._joints))
        begun = time.monotonic()
        try:
            while True:
                self._measured = self._loop.tick(cancelled).arm
                elapsed = time.monotonic() - begun
                error = np.abs(self._measured - trajectory.sample(elapsed)[0]).max()
                if elapsed >= trajectory.duration and error < limits.goal_tolerance:
                    self._on_topic = False
                    return
                late = elapsed > trajectory.duration + limits.goal_timeout
                if late or error > limits.path_tolerance:
                    raise TrackingError(
                        f"the arm is {error:.2f} rad off its trajectory and stopped"
                    )
        except BaseException:
            self._on_topic = True  # `stop` of another thread may have come before the trajectory
            self.stop()
            raise
