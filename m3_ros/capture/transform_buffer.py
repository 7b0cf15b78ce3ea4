"""Transforms between coordinate frames over time, as tf2 keeps them, without ROS.

Every child frame has one parent. A moving edge keeps the poses of the last seconds; a static edge
holds one pose for all times. Poses between two stamps are interpolated (slerp, lerp); outside the
recorded stamps a look-up is refused rather than extrapolated.
"""

from __future__ import annotations

import bisect
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from m3_ros.capture.problem_counter import ProblemCounter
from m3_ros.errors import M3Error
from m3_ros.geometry import interpolate_pose, inverse
from m3_ros.types import Array

logger = logging.getLogger(__name__)

TIME_JUMP = 1.0
"""Time (s) by which stamps must go back to count as another run of the clock.

It is the default of `scan.transform_timeout`: nobody waits longer for a late transform.
"""
MAX_FRAMES = 2000
"""Most frames with a parent: a humanoid with hands has 200. Strangers may name any number."""
MAX_NAME = 255
"""Longest name of a frame, characters: that of a topic (rmw_validate_full_topic_name)."""
MAX_LISTED = 40
"""Most frames that a message lists."""


class TransformError(M3Error, LookupError):
    """No transform is available; the message names frames, stamp and reason."""


@dataclass
class _Edge:
    parent: str
    fixed: Array | None = None
    stamps: list[float] = field(default_factory=list)
    poses: list[Array] = field(default_factory=list)


class TransformBuffer:
    """Transforms between named frames at any recorded time; thread-safe.

    A transform that cannot be kept is dropped, told once and counted; the others stay. Leading
    slashes of frame names are ignored.

    Args:
        max_age: how long poses of moving frames are kept, s.
        time_jump: a stamp this far before the newest one of its edge is from another run of the
            clock: all moving edges are cleared, s.
        tell: called with one sentence for each new problem.

    Attributes:
        dropped: sentences that name the transforms that are not kept.
    """

    def __init__(
        self,
        max_age: float = 30.0,
        time_jump: float = TIME_JUMP,
        tell: Callable[[str], object] = logger.warning,
    ) -> None:
        self._max_age, self._time_jump, self._tell = max_age, time_jump, tell
        self._edges: dict[str, _Edge] = {}
        self.dropped = ProblemCounter(tell)
        self._on_clear: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def add(
        self,
        parent: str,
        child: str,
        stamp: float | None,
        T_parent_child: Array,
        now: float | None = None,
    ) -> None:
        """Record where `child` is in `parent`.

        Args:
            parent: frame; of several parents of a child the first one stays.
            child: frame.
            stamp: time of the transform, s; None means always (static). Where a frame is both
                static and moving in one parent, the moving edge is used.
            T_parent_child: `[4, 4]`.
            now: the clock, s; a later stamp by more than `max_age` is dropped. None: not known.
        """
        parent, child = parent.lstrip("/"), child.lstrip("/")
        with self._lock:
            problem = self._refusal(parent, child, stamp, T_parent_child, now)
            back = 0.0 if problem else self._time_back(child, stamp)
        if problem:
            self.dropped.count(problem, lasting=stamp is None)
            return
        if back > self._time_jump:
            self.clear(f"time went back by {back:.1f} s in {parent} -> {child}")
        with self._lock:
            edge = self._edges.get(child)
            if edge is None or edge.parent != parent:
                edge = self._edges[child] = _Edge(parent)
            self._insert(edge, stamp, T_parent_child)
            both = edge.fixed is not None and bool(edge.stamps)
        if both:
            self.dropped.count(
                f"{parent} -> {child} is on /tf and on /tf_static; that on /tf is used"
            )

    def on_clear(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each `clear`, in the thread that clears."""
        self._on_clear.append(callback)

    def clear(self, reason: str) -> None:
        """Forget all moving edges, as time runs anew; static ones stay."""
        with self._lock:
            self._edges = {
                child: _Edge(edge.parent, edge.fixed)
                for child, edge in self._edges.items()
                if edge.fixed is not None
            }
        self._tell(f"{reason}: what is known from before is forgotten")
        for callback in self._on_clear:
            callback()

    def lookup(self, target: str, source: str, stamp: float | None = None) -> Array:
        """Return `T_target_source [4, 4]` at `stamp` (s); `None`: at the newest common time.

        Raises:
            TransformError: a frame is unknown, the two are not connected, or the stamp lies
                outside what was recorded for a moving frame between them.
        """
        with self._lock:
            target_path = self._path(target.lstrip("/"))
            source_path = self._path(source.lstrip("/"))
            if target_path[-1] != source_path[-1]:
                raise TransformError(
                    f"no transform from {source} to {target}: they are in separate trees, rooted "
                    f"at {source_path[-1]} and {target_path[-1]}"
                )
            while len(target_path) > 1 and len(source_path) > 1:
                if target_path[-2] != source_path[-2]:
                    break
                target_path.pop(), source_path.pop()
            moving = [*target_path[:-1], *source_path[:-1]]
            if stamp is None:
                stamp = self._newest_common(moving)
            T_common_target = self._compose(target_path, stamp)
            return inverse(T_common_target) @ self._compose(source_path, stamp)

    def latest(self, frame: str) -> float | None:
        """Return the newest stamp (s) of a moving frame; None when unknown or static."""
        with self._lock:
            edge = self._edges.get(frame.lstrip("/"))
            return edge.stamps[-1] if edge and edge.stamps else None

    def _refusal(
        self, parent: str, child: str, stamp: float | None, T: Array, now: float | None
    ) -> str | None:
        """Return why a transform must not be kept; None if it may."""
        edge = self._edges.get(child)
        if not parent or not child:
            return f"transform {parent!r} -> {child!r} is dropped: both frames must have a name"
        full = edge is None and len(self._edges) >= MAX_FRAMES
        if full or max(len(parent), len(child)) > MAX_NAME:
            return (
                f"transform {parent[:MAX_NAME]} -> {child[:MAX_NAME]} is dropped: names of frames "
                f"have at most {MAX_NAME} characters, and a robot {MAX_FRAMES} frames"
            )
        if not np.isfinite(T).all():
            return f"transform {parent} -> {child} is dropped: it must be finite"
        if stamp is not None and now is not None and stamp - now > self._max_age:
            return (
                f"transform {parent} -> {child} is dropped: its stamp lies more than "
                f"{self._max_age:.0f} s ahead of this node's clock; synchronise the clocks"
            )
        if parent == child or (parent in self._edges and child in self._path(parent)):
            return f"transform {parent} -> {child} is dropped: it would close a loop"
        if edge is None or edge.parent == parent:
            return None
        if edge.fixed is None and stamp is not None and stamp - edge.stamps[-1] > self._max_age:
            return None  # the first parent's publisher has ended
        return (
            f"frame {child} has two parents, {edge.parent} and {parent}; {edge.parent} came first "
            f"and is used, {parent} -> {child} is dropped"
        )

    def _time_back(self, child: str, stamp: float | None) -> float:
        """Return how far a stamp lies before the newest one of its edge, s."""
        edge = self._edges.get(child)
        return edge.stamps[-1] - stamp if edge and edge.stamps and stamp is not None else 0.0

    def _insert(self, edge: _Edge, stamp: float | None, T: Array) -> None:
        if stamp is None:
            edge.fixed = T
            return
        index = bisect.bisect_left(edge.stamps, stamp)
        if index < len(edge.stamps) and edge.stamps[index] == stamp:
            edge.poses[index] = T
            return
        edge.stamps.insert(index, stamp)
        edge.poses.insert(index, T)
        expired = bisect.bisect_left(edge.stamps, edge.stamps[-1] - self._max_age)
        del edge.stamps[:expired], edge.poses[:expired]

    def _path(self, frame: str) -> list[str]:
        """Return the frames from `frame` up to its root."""
        parents = {edge.parent for edge in self._edges.values()}
        if frame not in self._edges and frame not in parents:
            known = ", ".join(sorted(parents | set(self._edges))[:MAX_LISTED])
            hint = "; is one of them meant? Set robot.world_frame or robot.base_frame to it"
            received = known + hint if known else "none yet"
            raise TransformError(f"frame {frame} is unknown; received frames: {received}")
        path = [frame]
        while path[-1] in self._edges:
            path.append(self._edges[path[-1]].parent)
        return path

    def _newest_common(self, frames: list[str]) -> float:
        edges = [self._edges[frame] for frame in frames]
        return min((edge.stamps[-1] for edge in edges if edge.stamps), default=0.0)

    def _compose(self, path: list[str], stamp: float) -> Array:
        """Return the pose of `path[0]` in `path[-1]`."""
        T = np.eye(4)
        for frame in path[:-1]:
            T = self._at(frame, stamp) @ T
        return T

    def _at(self, frame: str, stamp: float) -> Array:
        edge = self._edges[frame]
        if edge.fixed is not None and not edge.stamps:
            return edge.fixed
        index = bisect.bisect_left(edge.stamps, stamp)
        if index < len(edge.stamps) and edge.stamps[index] == stamp:
            return edge.poses[index]
        if index == 0 or index == len(edge.stamps):
            raise TransformError(
                f"{edge.parent} -> {frame} is known from {edge.stamps[0]:.3f} to "
                f"{edge.stamps[-1]:.3f} s, not at {stamp:.3f} s"
            )
        before, after = edge.stamps[index - 1], edge.stamps[index]
        fraction = (stamp - before) / (after - before)
        return interpolate_pose(edge.poses[index - 1], edge.poses[index], fraction)
