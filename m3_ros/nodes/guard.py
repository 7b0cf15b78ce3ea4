"""Stops the robot when the node that moves it is killed, suspended or hung.

A controller follows a trajectory to its end whatever becomes of the node that sent it. The guard
is a process without models that watches that node's process and heartbeats; when they end in the
middle of a motion, it asks the controllers to cancel all their goals and sends the base a zero
velocity. All times are wall times: a process dies in wall time, whatever /clock says.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from action_msgs.srv import CancelGoal
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from rclpy.subscription import Subscription
from sensor_msgs.msg import JointState as JointStateMessage
from trajectory_msgs.msg import JointTrajectory

from m3_ros.msg import GuardStatus, MotionHeartbeat
from m3_ros.nodes.base_client import BaseClient
from m3_ros.nodes.conversions import holding_message
from m3_ros.nodes.guard_client import GUARD_TOPIC, HEARTBEAT_TOPIC, LINGER_TIME, STATUS_PERIOD
from m3_ros.nodes.motion_watch import POLL, MotionWatch
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.process_state import own_process
from m3_ros.nodes.received import DroppingNode
from m3_ros.nodes.runtime import run_node
from m3_ros.robot_model import load_robot

STOP_DURATION = 1.0
"""Time (s) for which a stop is repeated. A controller may accept a goal of the dead node after the
first cancel: that takes a message's way through DDS and one cycle of its node, far below 1 s."""
JAWS_AT_REST = 0.1  # share of the closing speed below which the jaws rest or squeeze an object
ACTIONS = ("follow_joint_trajectory", "gripper_cmd")  # that ros2_control's controllers serve

MAX_WATCHES = 100
"""Processes that are remembered before those that move nothing are forgotten: a robot has a few
nodes that move it, and each start of one is a new process."""


class _Controller:
    """Stops one controller: by its action where it is served, else by a point on its topic."""

    def __init__(self, node: Node, name: str, joints: tuple[str, ...]) -> None:
        self.joints = joints
        self._cancels = [
            node.create_client(CancelGoal, f"{name}/{action}/_action/cancel_goal")
            for action in ACTIONS
        ]
        self._topic = node.create_publisher(JointTrajectory, f"{name}/joint_trajectory", 1)

    def has_action(self) -> bool:
        """Return whether an action server can cancel goals."""
        return any(client.service_is_ready() for client in self._cancels)

    def cancel(self) -> None:
        """Cancel all goals of the action: that is what a request without id and stamp means."""
        for client in self._cancels:
            if client.service_is_ready():
                client.remove_pending_request(client.call_async(CancelGoal.Request()))

    def hold(self, positions: Mapping[str, float]) -> None:
        """Send a point that holds these positions, if all joints' are known."""
        measured = [positions.get(joint, math.nan) for joint in self.joints]
        if all(map(math.isfinite, measured)):
            self._topic.publish(holding_message(self.joints, measured))


class GuardNode(DroppingNode):
    """Watches every node that sends heartbeats; its own end stops a motion too.

    Args:
        options: of `rclpy.node.Node`.
    """

    def __init__(self, **options: object) -> None:
        super().__init__("guard", **options)
        config = declare_settings(self, "robot", "motion")
        robot = self._robot = load_robot(config.robot)
        self._limits = config.motion
        self._joint_states_topic = config.robot.joint_states_topic
        *arm, jaws = (config.robot.joint_prefix + joint for joint in robot.joints)
        self._arm = _Controller(self, robot.arm.controller.name, tuple(arm))
        self._gripper = _Controller(self, robot.gripper.controller.name, (jaws,))
        self._base = BaseClient(self, config.robot)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._watches: dict[tuple[str, str], MotionWatch] = {}  # by node and process
        self._states: Subscription | None = None
        self._positions: dict[str, float] = {}  # by the joints' names: drivers may send pieces
        self._velocities: dict[str, float] = {}
        self._stop_end = 0.0
        self._status = GuardStatus(process=own_process(), watching=True)
        self._publisher = self.create_publisher(GuardStatus, GUARD_TOPIC, 1)
        self.create_timer(STATUS_PERIOD, self._report, clock=clock)
        self.create_timer(POLL, self._check, clock=clock)
        self._stopper = self.create_timer(POLL, self._stop, clock=clock)
        self._stopper.cancel()
        self.create_subscription(MotionHeartbeat, HEARTBEAT_TOPIC, self._beat, 10)

    def destroy_node(self) -> None:
        """Stop what moves now: nobody guards it any more."""
        self._status.watching = False
        moving = [name for (name, _), watch in self._watches.items() if watch.moving]
        if moving:
            self._begin_stop(f"the guard ended while {', '.join(moving)} moved the robot")
            for _ in range(round(LINGER_TIME / POLL)):
                time.sleep(POLL)
                self._stop()
                self._report()
        self._report()
        super().destroy_node()

    def _beat(self, message: MotionHeartbeat) -> None:
        key = message.node, message.process
        if key not in self._watches and len(self._watches) >= MAX_WATCHES:
            self._watches = {each: watch for each, watch in self._watches.items() if watch.moving}
        watch = self._watches.setdefault(key, MotionWatch(message.node, self._limits))
        watch.beat(message.process, message.moving)
        if not message.moving:
            return
        if self._states is None and not (self._arm.has_action() and self._gripper.has_action()):
            # A controller without an action can only be stopped where its joints are.
            self._states = self.create_subscription(
                JointStateMessage, self._joint_states_topic, self._receive, qos_profile_sensor_data
            )

    def _check(self) -> None:
        for watch in self._watches.values():
            if problem := watch.check():
                watch.moving = False
                self._begin_stop(problem)

    def _begin_stop(self, reason: str) -> None:
        """Stop all at once, then again until `STOP_DURATION` is over."""
        self._stop_end = time.monotonic() + STOP_DURATION
        self._stop()
        self._stopper.reset()
        self._hold()
        self._status.stops += 1
        self._status.reason, self._status.stopping = f"{reason}; it is stopped", True
        self._report()
        self.get_logger().error(self._status.reason)

    def _stop(self) -> None:
        self._base.stop()
        for controller in (self._arm, self._gripper):
            controller.cancel()
        if time.monotonic() > self._stop_end:
            self._stopper.cancel()
            self._status.stopping = False

    def _hold(self) -> None:
        """Send holding points to controllers without an action.

        Only moving jaws get one: those that squeeze an object would let go of it.
        """
        if not self._arm.has_action():
            self._arm.hold(self._positions)
        moving = JAWS_AT_REST * self._robot.gripper.closing_speed
        (jaws,) = self._gripper.joints
        if not self._gripper.has_action() and abs(self._velocities.get(jaws, 0.0)) > moving:
            self._gripper.hold(self._positions)

    def _receive(self, message: JointStateMessage) -> None:
        self._positions.update(zip(message.name, message.position, strict=False))
        self._velocities.update(zip(message.name, message.velocity, strict=False))

    def _report(self) -> None:
        self._publisher.publish(self._status)


def main() -> None:
    """Run the node until Ctrl-C."""
    run_node(GuardNode, threads=2)
