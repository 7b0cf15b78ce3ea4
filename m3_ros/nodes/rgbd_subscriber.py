"""Posed RGB-D frames from the camera's topics: colour and depth of one instant, pose from TF."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from m3_ros.capture.camera_messages import to_frame
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.level import level_problem
from m3_ros.capture.messages import COMPRESSED_SUFFIXES, to_seconds
from m3_ros.capture.transform_buffer import TIME_JUMP, TransformBuffer, TransformError
from m3_ros.config import M3Config
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.topic_monitor import PERIOD, SILENCE, TopicMonitor

ImageMessage = Image | CompressedImage

POLL = 0.01  # s between two look-ups of a transform that has not come yet


class FrameError(RuntimeError):
    """No posed frame can be had; the message says what is missing."""


class RgbdSubscriber:
    """Keep the newest pair of synchronised images and convert it on request.

    Callbacks only keep messages: a slow consumer skips frames and never delays the camera. When
    time goes back, images and moving transforms of before are forgotten.

    Attributes:
        runs: how often time has gone back; frames of different runs must not be mixed.
    """

    def __init__(
        self, node: InputNode, config: M3Config, tree: TransformBuffer, monitor: TopicMonitor
    ) -> None:
        self._node = node
        self._robot, self._scan, self._tree = config.robot, config.scan, tree
        self._recent: dict[str, deque[ImageMessage]] = {
            role: deque(maxlen=10) for role in ("color", "depth")
        }
        self._info: CameraInfo | None = None
        self._pair: tuple[ImageMessage, ImageMessage] | None = None
        self._arrived = threading.Condition()
        self._monitor = monitor
        self._closed = False
        self.runs = 0
        self._group = MutuallyExclusiveCallbackGroup()
        self._ticks: dict[str, Callable[[], None]] = {}
        self._compressed: set[str] = set()  # roles
        self._names = {role: self._subscribe(role) for role in COMPRESSED_SUFFIXES}
        node.create_timer(PERIOD, self._subscribe_compressed, callback_group=self._group)
        tree.on_clear(self._forget)
        monitor.check(self._sync_problem)
        monitor.check(self._transform_problem)
        monitor.check(self.level_problem)

    def next(self, timeout: float, after: float | None = None) -> RgbdFrame:
        """Return the newest frame stamped later than `after`; wait up to `timeout` s for it.

        Args:
            timeout: longest wait, s.
            after: stamp in s; None asks for a frame newer than the newest at the call.

        Raises:
            FrameError: no such frame came, its transform is missing, or it cannot be converted.
        """
        deadline = time.monotonic() + timeout
        if after is None:
            after = self._newest_stamp()
        run, reason = self.runs, ""
        while True:
            if self.runs != run:  # stamps of before are later than all that will come
                run, after = self.runs, -np.inf
            pair = self._wait_for_pair(after, deadline, run)
            if pair is None:
                if self.runs == run:
                    raise FrameError(reason or self._reason())
                continue
            try:
                return self._convert(*pair)
            except TransformError as error:
                # A later frame may do better: TF stalls, or it began after this frame.
                reason = str(error)
            except ValueError as error:
                # As may a later one: some drivers begin with an empty camera info.
                reason, after = str(error), to_seconds(pair[0].header.stamp)
            if time.monotonic() > deadline or self._closed:
                raise FrameError(reason)

    def level_problem(self) -> str | None:
        """Return why the world frame is not level; None while the base stands upright in it."""
        world, base = self._robot.world_frame, self._robot.base_frame
        try:
            T = self._tree.lookup(world, base)
        except TransformError:
            return None  # a camera without a base
        return level_problem(T, world, base, self._scan.max_tilt)

    def close(self) -> None:
        """End every wait for a frame with a `FrameError`."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def _newest_stamp(self) -> float:
        with self._arrived:
            return to_seconds(self._pair[0].header.stamp) if self._pair else 0.0

    def _wait_for_pair(
        self, after: float, deadline: float, run: int
    ) -> tuple[ImageMessage, ImageMessage, CameraInfo] | None:
        """Return the newest colour, depth and camera info once they are later than `after` s.

        None: none came before the deadline, or time has gone back since `run`.
        """
        with self._arrived:
            while self._info is None or self._pair is None or self._newest_stamp() <= after:
                remaining = deadline - time.monotonic()
                if remaining <= 0.0 or self._closed or self.runs != run:
                    return None
                self._arrived.wait(remaining)
            return *self._pair, self._info

    def _reason(self) -> str:
        """Return why no frame has come."""
        return "; ".join(self._monitor.problems()) or "no new camera frame came in time"

    def _convert(self, color: ImageMessage, depth: ImageMessage, info: CameraInfo) -> RgbdFrame:
        stamp = to_seconds(color.header.stamp)
        source = color.header.frame_id or self._robot.camera_frame
        return to_frame(color, depth, info, self._pose(source, stamp))

    def _pose(self, source: str, stamp: float) -> NDArray[np.float64]:
        """Return `T_world_camera [4, 4]` at `stamp`; wait, as TF may come later than images."""
        deadline = time.monotonic() + self._scan.transform_timeout
        while True:
            try:
                return self._tree.lookup(self._robot.world_frame, source, stamp)
            except TransformError:
                if time.monotonic() > deadline or self._closed:
                    raise
            time.sleep(POLL)

    def _subscribe(self, role: str) -> tuple[str, ...]:
        """Subscribe to a role's topic; return its names."""
        topic = getattr(self._robot, f"{role}_topic")
        both = (topic, topic.replace("/image_raw", "/image_rect_raw"))  # some drivers of a D405
        names = tuple(dict.fromkeys(map(self._node.resolve_topic_name, both)))
        packed = [name + suffix for suffix in COMPRESSED_SUFFIXES[role] for name in names]
        self._ticks[role] = self._monitor.topic(names, qos_profile_sensor_data, also=packed)
        kind = CameraInfo if role == "camera_info" else Image
        for name in names:
            self._listen(kind, name, role)
        return names

    def _listen(self, kind: type, name: str, role: str) -> None:
        self._node.create_subscription(
            kind,
            name,
            lambda message: self._receive(role, name, message),
            qos_profile_sensor_data,
            callback_group=self._group,
        )

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
                self._listen(CompressedImage, topic, role)

    def _receive(self, role: str, topic: str, message: ImageMessage | CameraInfo) -> None:
        self._ticks[role]()
        if role == "camera_info":
            self._receive_info(topic, message)
            return
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
            if partner is not None and gap(partner) <= self._scan.sync_tolerance:
                self._pair = (message, partner) if role == "color" else (partner, message)
                self._arrived.notify_all()

    def _receive_info(self, topic: str, info: CameraInfo) -> None:
        with self._arrived:
            before, self._info = self._info, info
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
            self._pair = None
            for images in self._recent.values():
                images.clear()
            self._arrived.notify_all()

    def _sync_problem(self) -> str | None:
        with self._arrived:
            color, depth = self._recent["color"], self._recent["depth"]
            if not color or not depth:
                return None
            newest = to_seconds(color[-1].header.stamp)
            if self._pair and newest - to_seconds(self._pair[0].header.stamp) < SILENCE:
                return None
            gap = min(abs(to_seconds(image.header.stamp) - newest) for image in depth)
        return (
            f"colour and depth differ by {gap * 1e3:.0f} ms, more than scan.sync_tolerance = "
            f"{self._scan.sync_tolerance * 1e3:.0f} ms; enable_sync of the camera helps"
        )

    def _transform_problem(self) -> str | None:
        with self._arrived:
            source = self._pair[0].header.frame_id if self._pair else self._robot.camera_frame
        try:
            self._tree.lookup(self._robot.world_frame, source or self._robot.camera_frame)
        except TransformError as error:
            return str(error)
        return None
