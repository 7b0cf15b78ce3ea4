"""Joint states as drivers publish them: whole or in pieces, by one node or by several."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import JointState as JointStateMessage

from m3_ros.capture.messages import to_seconds
from m3_ros.capture.problem_counter import ProblemCounter
from m3_ros.config import M3Config
from m3_ros.grasp.robot import JointState, JointStatesLost
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.robot_model import RobotModel

STAMP_ERROR = 0.05  # s by which stamps may be wrong: a period of 20 Hz, the slowest usual rate
JUMPS, JUMP_TIME = 4, 1.0  # so many jumps in so many s: one may be a reset, publishers alternate


class JointStates:
    """Merge the messages of a topic joint by joint.

    A position that is not finite is dropped and told; velocities and efforts that are not, which
    drivers without such sensors publish, are 0. A joint that jumps back and forth, faster
    than its greatest velocity, has publishers that contradict each other. Ages are of the node's
    time.

    Args:
        node: carries the subscription.
        config: topic, prefix of the joints' names (`robot`), and how old states may be (`motion`).
        model: joints and their greatest velocities.
        monitor: watches the topic.

    Attributes:
        arm_names, gripper_name: the joints as the driver names them.
    """

    def __init__(
        self, node: InputNode, config: M3Config, model: RobotModel, monitor: TopicMonitor
    ) -> None:
        self._limits = config.motion
        self._node = node
        self._topic = node.resolve_topic_name(config.robot.joint_states_topic)
        self._names = tuple(config.robot.joint_prefix + joint for joint in model.joints)
        self._joints = model.joints
        self.arm_names, self.gripper_name = self._names[:-1], self._names[-1]
        self._index = {name: index for index, name in enumerate(self._names)}
        self._max_velocity = np.where(model.max_velocity > 0.0, model.max_velocity, np.inf)
        # Rows: positions, velocities, efforts.
        self._values = np.zeros((3, len(self._names)))
        self._stamps = np.zeros(len(self._names))
        self._arrivals = np.full(len(self._names), -np.inf)
        self._direction = np.zeros(len(self._names))  # of each joint's last jump
        self._jumps: deque[tuple[float, str]] = deque(maxlen=JUMPS)
        self._others: list[str] = []
        self._lock, self._complete = threading.Lock(), threading.Event()
        logger = node.get_logger()
        self._dropped = ProblemCounter(lambda problem: logger.warning(problem))
        self._tick = monitor.topic((self._topic,), qos_profile_sensor_data)
        monitor.check(self._dropped.recent)
        monitor.check(self.problem)
        node.create_subscription(
            JointStateMessage, self._topic, self._receive, qos_profile_sensor_data
        )

    def current(self) -> JointState:
        """Return the newest state of all joints; wait for the first one.

        Raises:
            JointStatesLost: a joint's state is missing or too old, or jumps; says which.
        """
        self._complete.wait(self._limits.start_timeout)
        if problem := self.problem():
            raise JointStatesLost(problem)
        with self._lock:
            # Drivers without stamps leave them zero.
            stamp = float(self._stamps.min() or self._arrivals.min())
            return JointState(*self._values.copy(), stamp)

    def problem(self) -> str | None:
        """Return why nobody knows where a joint is; None when all are known."""
        now = self._node.elapsed()
        with self._lock:
            ages = now - self._arrivals
            jumps = list(self._jumps)
            others = self._others
        if ages.min() > self._limits.state_timeout and not others:
            since = f"for {ages.min():.1f} s" if np.isfinite(ages.min()) else "at all"
            return self._reasoned(f"no joint states on {self._topic} {since}")
        lost = np.flatnonzero(ages > self._limits.state_timeout).tolist()
        if lost:
            return self._reasoned(self._missing(lost, others))
        if len(jumps) == JUMPS and now - jumps[0][0] < JUMP_TIME:
            publishers = self._node.get_publishers_info_by_topic(self._topic)
            who = ", ".join(sorted(info.node_name for info in publishers)) or "nobody"
            return (
                f"{jumps[-1][1]} on {self._topic}, published by {who}: publishers contradict each "
                "other; leave one"
            )
        return None

    def _missing(self, lost: list[int], others: list[str]) -> str:
        """Return which joints are missing, and under what names they seem to be there."""
        missing = f"{self._topic} has no joint state of {', '.join(self._names[i] for i in lost)}"
        joint = self._joints[lost[0]]
        prefixes = [name.removesuffix(joint) for name in others if name.endswith(joint)]
        if prefixes:
            return (
                f"{missing}, but of {' and '.join(prefix + joint for prefix in prefixes)}; set "
                f"robot.joint_prefix: {' or '.join(prefix or repr('') for prefix in prefixes)}"
            )
        there = [name for i, name in enumerate(self._names) if i not in lost] + others
        return f"{missing}; it has {', '.join(there) or 'none'}"

    def _reasoned(self, text: str) -> str:
        """Return the text with what was dropped of late."""
        return "; ".join(filter(None, (text, self._dropped.recent())))

    def _receive(self, message: JointStateMessage) -> None:
        if len(message.position) != len(message.name):
            self._dropped.count(
                f"a message on {self._topic} is dropped: it has {len(message.name)} names and "
                f"{len(message.position)} positions; there must be one a name"
            )
            return
        now, stamp = self._node.elapsed(), to_seconds(message.header.stamp)
        columns = (message.position, message.velocity, message.effort)
        others = [name for name in message.name if name not in self._index]
        with self._lock:
            self._others = others or self._others
            for place, name in enumerate(message.name):
                index = self._index.get(name)
                if index is None:
                    continue
                values = [column[place] if place < len(column) else 0.0 for column in columns]
                if not np.isfinite(values[0]):
                    self._dropped.count(
                        f"{self._topic} has position {values[0]} of {name}; it must be finite"
                    )
                    continue
                self._update(index, np.nan_to_num(values, posinf=0.0, neginf=0.0), stamp, now)
        if np.isfinite(self._arrivals).all():
            self._complete.set()
        self._tick()

    def _update(self, index: int, values: np.ndarray, stamp: float, now: float) -> None:
        before, position = self._values[0, index], values[0]
        passed = abs(stamp - self._stamps[index])
        if not 0.0 < passed < JUMP_TIME:  # no stamps, or those of two clocks
            passed = now - self._arrivals[index]
        change = position - before
        jump = abs(change) > self._max_velocity[index] * (passed + STAMP_ERROR)
        if jump and np.sign(change) != self._direction[index]:  # back and forth
            self._direction[index] = np.sign(change)
            text = f"{self._names[index]} jumps between {before:.2f} and {position:.2f}"
            self._jumps.append((now, text))
        self._values[:, index] = values
        self._stamps[index], self._arrivals[index] = stamp, now
