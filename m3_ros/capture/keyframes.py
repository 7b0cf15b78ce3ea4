"""Selection of keyframes from a stream of frames."""

from __future__ import annotations

from m3_ros.config import ScanConfig
from m3_ros.geometry import pose_distance
from m3_ros.types import Array


class KeyframeSelector:
    """Select a frame when the camera moved or turned enough and is not moving too fast.

    Attributes:
        too_fast: frames rejected so far because the camera moved faster than `max_speed`.
        too_near: frames rejected so far because they are near the last keyframe.
    """

    def __init__(self, config: ScanConfig) -> None:
        self._config = config
        self.too_fast = self.too_near = 0
        self._kept: Array | None = None
        self._previous: tuple[Array, float] | None = None

    def accept(self, camtoworld: Array, stamp: float) -> bool:
        """Return whether the frame at `camtoworld [4, 4]`, taken at `stamp` (s), is a keyframe."""
        speed = self._speed(camtoworld, stamp)
        self._previous = (camtoworld, stamp)
        if speed > self._config.max_speed:
            self.too_fast += 1
            return False
        if self._kept is not None:
            translation, rotation = pose_distance(self._kept, camtoworld)
            near = translation < self._config.keyframe_translation
            if near and rotation < self._config.keyframe_rotation:
                self.too_near += 1
                return False
        self._kept = camtoworld
        return True

    def _speed(self, camtoworld: Array, stamp: float) -> float:
        """Return the camera speed (m/s) since the previous frame; 0 for the first."""
        if self._previous is None or stamp <= self._previous[1]:
            return 0.0
        return pose_distance(self._previous[0], camtoworld)[0] / (stamp - self._previous[1])
