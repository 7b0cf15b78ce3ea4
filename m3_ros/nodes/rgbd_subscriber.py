"""Posed RGB-D frames from the camera's topics: colour and depth of one instant, pose from TF."""

from __future__ import annotations

import time

import numpy as np

from m3_ros.capture.camera_messages import DepthCamera, frames_of, is_registered, to_frame
from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.level import level_problem
from m3_ros.capture.messages import ConversionError, to_seconds
from m3_ros.capture.transform_buffer import TransformBuffer, TransformError
from m3_ros.config import M3Config
from m3_ros.errors import M3Error
from m3_ros.nodes.elapsed_time import Deadline
from m3_ros.nodes.image_pairs import ImagePair, ImagePairs
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.types import Array

POLL = 0.01  # s between two look-ups of a transform that has not come yet


class FrameError(M3Error, RuntimeError):
    """No posed frame can be had; the message says what is missing."""


class RgbdSubscriber:
    """Convert pairs of synchronised images on request.

    Waits are of the node's time: that of /clock with `use_sim_time`.

    Args:
        node: receives the images.
        config: their topics, and the waits.
        tree: poses of the camera.
        monitor: told of every message.
        backlog: pairs that are kept for a caller who is late; with one the newest is converted.
    """

    def __init__(
        self,
        node: InputNode,
        config: M3Config,
        tree: TransformBuffer,
        monitor: TopicMonitor,
        backlog: int = 1,
    ) -> None:
        self._node = node
        self._robot, self._scan, self._tree = config.robot, config.scan, tree
        self._monitor = monitor
        self._pairs = ImagePairs(node, config, tree, monitor, backlog)
        monitor.check(self._transform_problem)
        monitor.check(self.level_problem)

    @property
    def runs(self) -> int:
        """How often time has gone back; frames of different runs must not be mixed."""
        return self._pairs.runs

    def next(self, timeout: float, after: float | None = None) -> RgbdFrame:
        """Return the oldest kept frame later than `after`; wait up to `timeout` s for it.

        Args:
            timeout: longest wait, s.
            after: stamp in s; None asks for a frame newer than the newest at the call.

        Raises:
            FrameError: no such frame came, its transform is missing, or it cannot be converted.
        """
        deadline = Deadline(self._node.elapsed, timeout)
        if after is None:
            after = self._pairs.newest_stamp()
        run, reason = self.runs, ""
        while True:
            if self.runs != run:  # stamps of before are later than all that will come
                run, after = self.runs, -np.inf
            pair = self._pairs.wait(after, deadline, run)
            if pair is None:
                if self.runs == run:
                    raise FrameError(reason or self._reason())
                continue
            try:
                return self._convert(pair)
            except TransformError as error:
                # A later frame may do better: TF stalls, or it began after this frame.
                reason, stamp = str(error), to_seconds(pair.color.header.stamp)
                after = stamp if self._pairs.newest_stamp() > stamp else after
            except ValueError as error:
                # As may a later one: some drivers begin with an empty camera info.
                reason, after = str(error), to_seconds(pair.color.header.stamp)
            if deadline.remaining() <= 0.0 or self._pairs.closed:
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
        self._pairs.close()

    def _reason(self) -> str:
        """Return why no frame has come."""
        if self._node.elapsed.stands():
            return "no new camera frame came, and /clock stands still"
        return "; ".join(self._monitor.problems()) or "no new camera frame came in time"

    def _convert(self, pair: ImagePair) -> RgbdFrame:
        color, depth, info, _ = pair
        stamp = to_seconds(color.header.stamp)
        source = color.header.frame_id or self._robot.camera_frame
        pose = self._lookup(self._robot.world_frame, source, stamp)
        if is_registered(color, depth):
            return to_frame(color, depth, info, pose)
        return to_frame(color, depth, info, pose, self._depth_camera(pair, stamp))

    def _depth_camera(self, pair: ImagePair, stamp: float) -> DepthCamera:
        """Return the camera of depth that is not registered."""
        color_frame, depth_frame = frames_of(pair.color, pair.depth)
        if pair.depth_info is None:
            topic = self._pairs.depth_info_topic
            raise ConversionError(
                f"depth is in frame {depth_frame}, colour in {color_frame}, and no camera info "
                f"has come on {topic}; publish it, or depth aligned to colour"
            )
        return DepthCamera(pair.depth_info, self._lookup(color_frame, depth_frame, stamp))

    def _lookup(self, target: str, source: str, stamp: float) -> Array:
        """Return `T_target_source [4, 4]` at `stamp`; wait, as TF may come later than images."""
        deadline = Deadline(self._node.elapsed, self._scan.transform_timeout)
        while True:
            try:
                return self._tree.lookup(target, source, stamp)
            except TransformError:
                if deadline.remaining() <= 0.0 or self._pairs.closed:
                    raise
            time.sleep(POLL)

    def _transform_problem(self) -> str | None:
        pair = self._pairs.newest()
        source = pair[0].header.frame_id if pair else ""
        try:
            self._tree.lookup(self._robot.world_frame, source or self._robot.camera_frame)
        except TransformError as error:
            return str(error)
        return None
