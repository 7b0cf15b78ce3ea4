"""Settings of the capture of scans, a part of `m3_ros.config`."""

from __future__ import annotations

from dataclasses import dataclass

from m3_ros.settings import Stage, setting

MAX_FRAMES = 100_000
"""Most frames of a scan or keyframes of a memory; bound of `scan.max_frames`."""


@dataclass(frozen=True)
class ScanConfig(Stage):
    """Capture of synchronised, posed keyframes."""

    sync_tolerance: float = setting(
        0.02, "largest stamp difference of colour and depth", "s", 0.0, 1.0
    )
    transform_timeout: float = setting(
        1.0, "wait for a transform at the image stamp", "s", 0.0, 30
    )
    keyframe_translation: float = setting(0.03, "new keyframe after this motion", "m", 0.0, 10.0)
    keyframe_rotation: float = setting(0.10, "new keyframe after this turn", "rad", 0.0, 3.15)
    max_speed: float = setting(0.3, "skip frames taken while the camera moves faster", "m/s", 0.0)
    max_missing_share: float = setting(
        0.3, "a scan is refused where more of its listed frames lack a file", "", 0.0, 1.0
    )
    max_frames: int = setting(1000, "stop adding keyframes at this number", "", 1, MAX_FRAMES)
    max_side: int = setting(1280, "larger frames are scaled to this side", "px", 64, 16384)
    start_timeout: float = setting(
        5.0, "wait for the first frame when a scan starts", "s", 0.1, 60.0
    )
    frame_timeout: float = setting(
        1.0, "wait for a camera frame, of a scan or to verify a query", "s", 0.0, 60.0
    )
    max_tilt: float = setting(
        0.26,
        "no scan, no grasp and no check by the camera while base_frame leans more in world_frame",
        "rad",
        0.0,
        3.15,
    )


@dataclass(frozen=True)
class PhotographConfig(Stage):
    """Placing of photographs, or of the frames of a video, by structure from motion."""

    max_pictures: int = setting(150, "the sharpest of more pictures are taken", "", 3, 2000)
    picture_size: int = setting(1280, "larger pictures are scaled to this side", "px", 256, 8192)
    video_motion: float = setting(
        0.06, "a frame of a video is taken after this motion, share of the width", "", 0.001, 1.0
    )
    max_features: int = setting(4096, "most features of a picture", "", 100, 100_000)
    max_exhaustive: int = setting(
        60, "of videos with more frames not every pair is matched", "", 2, 2000
    )
    min_placed: int = setting(3, "a scan needs this many placed pictures", "", 3, 1000)
    warn_placed_share: float = setting(
        0.8, "with a smaller share of placed pictures a remedy is told", "", 0.0, 1.0
    )


@dataclass(frozen=True)
class EgoMaskConfig(Stage):
    """Search for the robot itself in a wrist camera's images."""

    min_frames: int = setting(8, "fewer frames give no mask", "", 2)
    min_translation: float = setting(0.05, "motion of the camera that is needed", "m", 0.0)
    min_rotation: float = setting(0.2, "or this rotation", "rad", 0.0, 3.15)
    max_distance: float = setting(0.35, "farthest part of the robot in view", "m", 0.0, 10.0)
    max_depth_spread: float = setting(
        0.03, "spread of a robot pixel's depth, 10 to 90 % quantile over median", "", 0.0, 1.0
    )
    min_depth_share: float = setting(
        0.7, "share of the frames with depth; pixels with less are judged by colour", "", 0.0, 1.0
    )
    max_color_spread: float = setting(
        14.0, "spread of a robot pixel's colour, 10 to 90 % quantile", "of 255", 0.0, 255.0
    )
    max_lighting_spread: float = setting(
        40.0, "the same for pixels that touch such, where the light changes", "of 255", 0.0, 255.0
    )
    max_color: float = setting(
        240.0, "brighter pixels are overexposed, their colour tells nothing", "of 255", 0.0, 255.0
    )
    min_area: float = setting(1e-3, "smallest region, share of the image", "", 0.0, 1.0)
    margin: int = setting(7, "the mask is dilated by", "px", 0, 100)
