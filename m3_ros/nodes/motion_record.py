"""Joints and base as a client sees them, and when they came to rest."""

from __future__ import annotations

import time

import numpy as np
from nav_msgs.msg import Odometry
from sensor_msgs.msg import JointState as JointStateMessage

from m3_ros.config import M3Config
from m3_ros.grasp.robot import JointState
from m3_ros.nodes.client import Client
from m3_ros.nodes.conversions import to_joint_state
from m3_ros.robot_model import load_robot

MOVING = np.array([0.05, 0.02])  # joints faster than this (rad/s), base (m/s, rad/s): it moves
REST = np.array([0.02, 0.01])  # slower than this: at rest; 0.02 rad/s are 1 cm/s at full reach


class MotionRecord:
    """Record joint states and odometry with the time of arrival, so that every delay counts."""

    def __init__(self, client: Client, config: M3Config) -> None:
        self._joints = load_robot(config.robot).joints
        self.states: list[tuple[float, JointState]] = []
        self.base: list[tuple[float, np.ndarray, np.ndarray]] = []
        topics = config.robot.joint_states_topic, config.simulation.odometry_topic
        client.node.create_subscription(JointStateMessage, topics[0], self._receive, 50)
        client.node.create_subscription(Odometry, topics[1], self._receive_base, 50)

    def _receive(self, message: JointStateMessage) -> None:
        self.states.append((time.monotonic(), to_joint_state(message, self._joints)))

    def _receive_base(self, message: Odometry) -> None:
        position, twist = message.pose.pose.position, message.twist.twist
        velocity = np.array([twist.linear.x, twist.linear.y, twist.angular.z])
        self.base.append((time.monotonic(), velocity, np.array([position.x, position.y])))

    def speeds(self) -> np.ndarray:
        """Return the newest speeds `[2]` of the fastest joint and of the base."""
        if not self.states or not self.base:
            return np.zeros(2)
        joints, base = self.states[-1][1].velocities, self.base[-1][1]
        return np.array([np.abs(joints).max(), np.abs(base).max()])

    def moving(self) -> bool:
        """Return whether a joint or the base moves."""
        return bool((self.speeds() > MOVING).any())

    def since(self, stop: float) -> tuple[float, float, float]:
        """Return time to rest (s), way of a joint (rad) and of the base (m) after `stop` (s)."""
        fast = [now for now, s in self.states if np.abs(s.velocities).max() > REST[0]]
        fast += [now for now, velocity, _ in self.base if np.abs(velocity).max() > REST[1]]
        joints = np.array([s.positions for now, s in self.states if now >= stop])
        base = np.array([position for now, _, position in self.base if now >= stop])
        return (
            max(0.0, max(fast, default=stop) - stop),
            float(np.abs(joints - joints[:1]).max(initial=0.0)),
            float(np.linalg.norm(base - base[:1], axis=-1).max(initial=0.0)),
        )
