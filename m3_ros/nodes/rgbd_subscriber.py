"""Posed RGB-D frames from the camera's topics: colour and depth of one instant, pose from TF."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np
from numpy.typing import NDArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.messages import to_frame, to_seconds
from m3_ros.capture.transform_buffer import TransformBuffer, TransformError
from m3_ros.config import M3Config
from m3_ros.nodes.topic_monitor import SILENCE, TopicMonitor

POLL = 0.01  # s between two look-ups of a transform that has not come yet


class FrameError(RuntimeError):
    """No posed frame can be had; the message says what is missing."""


class RgbdSubscriber:
    """Keep the newest pair of synchronised images and convert it on request.

    Callbacks only keep messages: a slow consumer skips frames and never delays the camera.
    """

    def __init__(
        self, node: Node, config: M3Config, tree: TransformBuffer, monitor: TopicMonitor
    ) -> None:
        self._robot, self._scan, self._tree = config.robot, config.scan, tree
        self._recent: dict[str, deque[Image]] = {k: deque(maxlen=10) for k in ("color", "depth")}
        self._info: CameraInfo | None = None
        self._pair: tuple[Image, Image] | None = None
        self._arrived = threading.Condition()
        self._monitor = monitor
        self._closed = False
        group = MutuallyExclusiveCallbackGroup()

        def subscribe(kind: type, topic: str, receive: object) -> None:
            # Some RealSense drivers name the colour of a D405 image_rect_raw.
            names = (topic, topic.replace("/image_raw", "/image_rect_raw"))
            names = tuple(dict.fromkeys(names))
            tick = monitor.topic(names, qos_profile_sensor_data)
            for name in names:
                node.create_subscription(
                    kind,
                    name,
                    lambda message: (tick(), receive(message)),
                    qos_profile_sensor_data,
                    callback_group=group,
                )

        subscribe(Image, self._robot.color_topic, lambda image: self._receive("color", image))
        subscribe(Image, self._robot.depth_topic, lambda image: self._receive("depth", image))
        subscribe(CameraInfo, self._robot.camera_info_topic, self._receive_info)
        monitor.check(self._sync_problem)
        monitor.check(self._transform_problem)

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
        while True:
            pair = self._wait_for_pair(after, deadline)
            try:
                return self._convert(*pair)
            except TransformError as error:
                # A later frame may do better: TF stalls, or it began after this frame.
                if time.monotonic() > deadline or self._closed:
                    raise FrameError(str(error)) from error

    def close(self) -> None:
        """End every wait for a frame with a `FrameError`."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()

    def _newest_stamp(self) -> float:
        with self._arrived:
            return to_seconds(self._pair[0].header.stamp) if self._pair else 0.0

    def _wait_for_pair(self, after: float, deadline: float) -> tuple[Image, Image, CameraInfo]:
        """Return the newest colour, depth and camera info once they are later than `after` s."""
        with self._arrived:
            while self._info is None or self._newest_stamp() <= after:
                remaining = deadline - time.monotonic()
                if remaining <= 0.0 or self._closed:
                    reasons = "; ".join(self._monitor.problems())
                    raise FrameError(reasons or "no new camera frame came in time")
                self._arrived.wait(remaining)
            return *self._pair, self._info

    def _convert(self, color: Image, depth: Image, info: CameraInfo) -> RgbdFrame:
        stamp = to_seconds(color.header.stamp)
        source = color.header.frame_id or self._robot.camera_frame
        camtoworld = self._pose(source, stamp)
        try:
            return to_frame(color, depth, info, camtoworld)
        except ValueError as error:
            raise FrameError(str(error)) from error

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

    def _receive(self, kind: str, image: Image) -> None:
        stamp = to_seconds(image.header.stamp)
        other = "depth" if kind == "color" else "color"

        def gap(candidate: Image) -> float:
            return abs(to_seconds(candidate.header.stamp) - stamp)

        with self._arrived:
            self._recent[kind].append(image)
            partner = min(self._recent[other], key=gap, default=None)
            if partner is not None and gap(partner) <= self._scan.sync_tolerance:
                self._pair = (image, partner) if kind == "color" else (partner, image)
                self._arrived.notify_all()

    def _receive_info(self, info: CameraInfo) -> None:
        with self._arrived:
            self._info = info
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
