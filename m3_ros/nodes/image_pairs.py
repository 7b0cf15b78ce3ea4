"""The camera's topics: colour and depth of one instant, and the camera infos."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import QoSProfile, ReliabilityPolicy, qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from m3_ros.capture.camera_messages import is_registered
from m3_ros.capture.messages import COMPRESSED_SUFFIXES, to_seconds
from m3_ros.capture.transform_buffer import TIME_JUMP, TransformBuffer
from m3_ros.config import M3Config
from m3_ros.nodes.elapsed_time import Deadline
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.topic_monitor import PERIOD, SILENCE, TopicMonitor

ImageMessage = Image | CompressedImage
POLL = 0.1  # s of wall time between two looks at a deadline, which may be of /clock


def _stamp(pair: tuple[ImageMessage, ImageMessage]) -> float:
    return to_seconds(pair[0].header.stamp)


class ImagePair(NamedTuple):
    """Synchronised images; `depth_info` is None until one has come for unregistered depth."""

    color: ImageMessage
    depth: ImageMessage
    info: CameraInfo
    depth_info: CameraInfo | None


class ImagePairs:
    """Keep the newest pairs of synchronised images.

    Callbacks only keep messages: a consumer that is late by more than `backlog` pairs skips some,
    and never delays the camera. When time goes back, images of before are forgotten. Where depth
    is not registered to colour, the camera info beside its images is taken as well.

    Args:
        node: receives the images.
        config: their topics.
        tree: cleared when time goes back.
        monitor: told of every message.
        backlog: pairs that are kept.

    Attributes:
        runs: how often time has gone back; pairs of different runs must not be mixed.
        depth_info_topic: camera info of depth that is not registered.
    """

    def __init__(
        self,
        node: InputNode,
        config: M3Config,
        tree: TransformBuffer,
        monitor: TopicMonitor,
        backlog: int,
    ) -> None:
        self._node = node
        depth = max(backlog, qos_profile_sensor_data.depth)
        self._qos = QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._robot, self._scan, self._tree = config.robot, config.scan, tree
        self._recent: dict[str, deque[ImageMessage]] = {
            role: deque(maxlen=10) for role in ("color", "depth")
        }
        self._infos: dict[str, CameraInfo] = {}
        self._kept: deque[tuple[ImageMessage, ImageMessage]] = deque(maxlen=backlog)
        self._arrived = threading.Condition()
        self._monitor = monitor
        self.closed = False
        self.runs = 0
        self._group = MutuallyExclusiveCallbackGroup()
        self._ticks: dict[str, Callable[[], None]] = {}
        self._compressed: set[str] = set()  # roles
        self._names = {role: self._subscribe(role) for role in COMPRESSED_SUFFIXES}
        # image_transport's rule: the camera info is beside the images.
        self.depth_info_topic = self._names["depth"][0].rpartition("/")[0] + "/camera_info"
        node.create_timer(PERIOD, self._follow_publishers, callback_group=self._group)
        tree.on_clear(self._forget)
        monitor.check(self._sync_problem)

    def newest(self) -> tuple[ImageMessage, ImageMessage] | None:
        """Return the newest colour and depth; None before the first."""
        with self._arrived:
            return self._kept[-1] if self._kept else None

    def newest_stamp(self) -> float:
        """Return the stamp (s) of the newest pair; minus infinity before the first."""
        with self._arrived:
            return _stamp(self._kept[-1]) if self._kept else -np.inf

    def wait(self, after: float, deadline: Deadline, run: int) -> ImagePair | None:
        """Return the oldest kept pair that is later than `after` s, once there is one.

        None: none came before the deadline, or time has gone back since `run`.
        """
        with self._arrived:
            while "camera_info" not in self._infos or (pair := self._later_than(after)) is None:
                remaining = deadline.remaining()
                if remaining <= 0.0 or self.closed or self.runs != run:
                    return None
                self._arrived.wait(min(remaining, POLL))
            return ImagePair(*pair, self._infos["camera_info"], self._infos.get("depth_info"))

    def _later_than(self, after: float) -> tuple[ImageMessage, ImageMessage] | None:
        return next((pair for pair in self._kept if _stamp(pair) > after), None)

    def close(self) -> None:
        """End every wait."""
        with self._arrived:
            self.closed = True
            self._arrived.notify_all()

    def _subscribe(self, role: str) -> tuple[str, ...]:
        """Subscribe to a role's topic; return its names."""
        topic = getattr(self._robot, f"{role}_topic")
        both = (topic, topic.replace("/image_raw", "/image_rect_raw"))  # some drivers of a D405
        names = tuple(dict.fromkeys(map(self._node.resolve_topic_name, both)))
        packed = [name + suffix for suffix in COMPRESSED_SUFFIXES[role] for name in names]
        self._ticks[role] = self._monitor.topic(names, qos_profile_sensor_data, also=packed)
        for name in names:
            if role == "camera_info":
                self._listen(CameraInfo, name, self._receive_info, role, name)
            else:
                self._listen(Image, name, self._receive, role, name)
        return names

    def _listen(
        self, kind: type, name: str, receive: Callable[..., None], *options: object
    ) -> None:
        self._node.create_subscription(
            kind,
            name,
            lambda message: receive(*options, message),
            self._qos,
            callback_group=self._group,
        )

    def _follow_publishers(self) -> None:
        self._subscribe_compressed()
        self._forget_infos()

    def _forget_infos(self) -> None:
        """Forget a camera info that nobody publishes any more: its camera is gone."""
        topics = {
            "camera_info": self._names["camera_info"],
            "depth_info": (self.depth_info_topic,),
        }
        for role, names in topics.items():
            if role in self._infos and not any(map(self._node.count_publishers, names)):
                with self._arrived:
                    del self._infos[role]

    def _subscribe_compressed(self) -> None:
        """Subscribe to images that are published compressed only."""
        for role, names in self._names.items():
            if role in self._compressed or any(map(self._node.count_publishers, names)):
                continue
            packed = [name + suffix for suffix in COMPRESSED_SUFFIXES[role] for name in names]
            topic = next((name for name in packed if self._node.count_publishers(name)), None)
            if topic:
                self._compressed.add(role)
                self._node.get_logger().info(f"{names[0]} is not published, {topic} is used")
                self._listen(CompressedImage, topic, self._receive, role, topic)

    def _subscribe_depth_info(self) -> None:
        """Subscribe to the camera info of depth, at the first pair that is not registered."""
        topic = self.depth_info_topic
        self._ticks["depth_info"] = self._monitor.topic((topic,), qos_profile_sensor_data)
        self._node.get_logger().info(
            f"depth is not registered to colour: it is moved there by TF and {topic}"
        )
        self._listen(CameraInfo, topic, self._receive_info, "depth_info", topic)

    def _receive(self, role: str, topic: str, message: ImageMessage) -> None:
        self._ticks[role]()
        stamp = to_seconds(message.header.stamp)
        recent = self._recent[role]
        back = to_seconds(recent[-1].header.stamp) - stamp if recent else 0.0
        if back > TIME_JUMP:
            self._tree.clear(f"time went back by {back:.1f} s on {topic}")
        other = "depth" if role == "color" else "color"

        def gap(candidate: ImageMessage) -> float:
            return abs(to_seconds(candidate.header.stamp) - stamp)

        with self._arrived:
            recent.append(message)
            partner = min(self._recent[other], key=gap, default=None)
            if partner is None or gap(partner) > self._scan.sync_tolerance:
                return
            pair = (message, partner) if role == "color" else (partner, message)
            while self._kept and _stamp(self._kept[-1]) >= _stamp(pair):
                self._kept.pop()  # of the same colour image, with depth of another instant
            self._kept.append(pair)
            self._arrived.notify_all()
        if "depth_info" not in self._ticks and not is_registered(*pair):
            self._subscribe_depth_info()

    def _receive_info(self, role: str, topic: str, info: CameraInfo) -> None:
        self._ticks[role]()
        with self._arrived:
            before = self._infos.get(role)
            self._infos[role] = info
            self._arrived.notify_all()
        if before and before.k[0] > 0.0 and not np.array_equal(before.k, info.k):
            self._node.get_logger().warning(
                f"the intrinsics on {topic} have changed; frames from now on use the new ones",
                throttle_duration_sec=10.0,
            )

    def _forget(self) -> None:
        """Forget the images of before time went back."""
        with self._arrived:
            self.runs += 1
            self._kept.clear()
            for images in self._recent.values():
                images.clear()
            self._arrived.notify_all()

    def _sync_problem(self) -> str | None:
        with self._arrived:
            color, depth = self._recent["color"], self._recent["depth"]
            if not color or not depth:
                return None
            newest = to_seconds(color[-1].header.stamp)
            if self._kept and newest - self.newest_stamp() < SILENCE:
                return None
            gap = min(abs(to_seconds(image.header.stamp) - newest) for image in depth)
        return (
            f"colour and depth differ by {gap * 1e3:.0f} ms, more than scan.sync_tolerance = "
            f"{self._scan.sync_tolerance * 1e3:.0f} ms; enable_sync of the camera helps"
        )
