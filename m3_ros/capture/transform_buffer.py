"""Transforms between coordinate frames over time, as tf2 keeps them, without ROS.

Every child frame has one parent. A moving edge keeps the poses of the last seconds; a fixed edge
holds one pose for all times. Poses between two stamps are interpolated (slerp, lerp); outside the
recorded stamps a look-up is refused rather than extrapolated.
"""

from __future__ import annotations

import bisect
import threading
from dataclasses import dataclass, field

import numpy as np

from m3_ros.geometry import interpolate_pose, inverse
from m3_ros.types import Array


class TransformError(LookupError):
    """No transform is available; the message names frames, stamp and reason."""


@dataclass
class _Edge:
    parent: str
    fixed: Array | None = None
    stamps: list[float] = field(default_factory=list)
    poses: list[Array] = field(default_factory=list)


class TransformBuffer:
    """Transforms between named frames at any recorded time; thread-safe.

    Args:
        max_age: how long poses of moving frames are kept, s.
    """

    def __init__(self, max_age: float = 30.0) -> None:
        self._max_age = max_age
        self._edges: dict[str, _Edge] = {}
        self._lock = threading.Lock()

    def add(self, parent: str, child: str, stamp: float | None, T_parent_child: Array) -> None:
        """Record where `child` is in `parent` at `stamp` (s); `None` means always (static)."""
        with self._lock:
            edge = self._edges.get(child)
            if edge is None or edge.parent != parent:
                edge = self._edges[child] = _Edge(parent)
            if stamp is None:
                edge.fixed = T_parent_child
                return
            index = bisect.bisect_left(edge.stamps, stamp)
            if index < len(edge.stamps) and edge.stamps[index] == stamp:
                edge.poses[index] = T_parent_child
                return
            edge.stamps.insert(index, stamp)
            edge.poses.insert(index, T_parent_child)
            expired = bisect.bisect_left(edge.stamps, edge.stamps[-1] - self._max_age)
            del edge.stamps[:expired], edge.poses[:expired]

    def lookup(self, target: str, source: str, stamp: float | None = None) -> Array:
        """Return `T_target_source [4, 4]` at `stamp` (s); `None`: at the newest common time.

        Raises:
            TransformError: a frame is unknown, the two are not connected, or the stamp lies
                outside what was recorded for a moving frame between them.
        """
        with self._lock:
            target_path, source_path = self._path(target), self._path(source)
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
            edge = self._edges.get(frame)
            return edge.stamps[-1] if edge and edge.stamps else None

    def _path(self, frame: str) -> list[str]:
        """Return the frames from `frame` up to its root."""
        parents = {edge.parent for edge in self._edges.values()}
        if frame not in self._edges and frame not in parents:
            known = ", ".join(sorted(parents | set(self._edges))) or "none yet"
            raise TransformError(f"frame {frame} is unknown; received frames: {known}")
        path = [frame]
        while path[-1] in self._edges:
            path.append(self._edges[path[-1]].parent)
            if path[-1] in path[:-1]:
                raise TransformError(f"the frames {' -> '.join(path)} form a loop")
        return path

    def _newest_common(self, frames: list[str]) -> float:
        newest = [
            self._edges[frame].stamps[-1] for frame in frames if self._edges[frame].fixed is None
        ]
        return min(newest, default=0.0)

    def _compose(self, path: list[str], stamp: float) -> Array:
        """Return the pose of `path[0]` in `path[-1]`."""
        T = np.eye(4)
        for frame in path[:-1]:
            T = self._at(frame, stamp) @ T
        return T

    def _at(self, frame: str, stamp: float) -> Array:
        edge = self._edges[frame]
        if edge.fixed is not None:
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
