"""Camera info, and images of one camera as posed frames."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from m3_ros.capture.depth import to_size
from m3_ros.capture.depth_registration import register_depth
from m3_ros.capture.distortion import Distortion, undistort, undistort_depth
from m3_ros.capture.frame import RgbdFrame, check_intrinsics
from m3_ros.capture.messages import ConversionError, to_depth, to_rgb, to_seconds
from m3_ros.types import Array, Depth

PINHOLE_MODELS = ("plumb_bob", "rational_polynomial")
PINHOLE_COEFFICIENTS = (4, 5, 8, 12, 14)
"""Numbers of coefficients that OpenCV's pinhole model may have: k1 k2 p1 p2 [k3 [k4 k5 k6 [s1 s2
s3 s4 [tx ty]]]]. Some drivers pad plumb_bob's five with zeros."""

FISHEYE_MODELS = ("equidistant", "fisheye")
FISHEYE_COEFFICIENTS = 4

ALIGNED = (
    "robot.depth_topic must be depth aligned to colour (realsense2_camera: "
    "align_depth.enable:=true, topic aligned_depth_to_color/image_raw), or have a frame and a "
    "camera info of its own"
)


def to_intrinsics(message: object) -> tuple[Array, Distortion]:
    """Return `K [3, 3]` and the distortion of a camera.

    Args:
        message: sensor_msgs/CameraInfo; K gets pixel centres at + 0.5.

    Raises:
        ConversionError: not calibrated, not finite, or another distortion model than plumb_bob,
            rational_polynomial and equidistant.
    """
    K = np.array(message.k, np.float64).reshape(3, 3)
    if not np.isfinite(K).all():
        raise ConversionError(f"camera_info.k = {K.tolist()}; it must be finite")
    if not (K[0, 0] > 0.0 and K[1, 1] > 0.0):
        raise ConversionError(f"camera_info.k = {K.tolist()}; focal lengths must be positive")
    K[:2, 2] += 0.5
    return K, _distortion(message.distortion_model, np.array(message.d, np.float64))


def _distortion(model: str, coefficients: Array) -> Distortion:
    number = len(coefficients)
    if not np.isfinite(coefficients).all():
        raise ConversionError(f"camera_info.d = {coefficients.tolist()}; it must be finite")
    if model in FISHEYE_MODELS and number == FISHEYE_COEFFICIENTS:
        return Distortion(coefficients, fisheye=True)
    if model not in FISHEYE_MODELS and not coefficients.any():
        return Distortion(np.zeros(PINHOLE_COEFFICIENTS[0]))
    if model in PINHOLE_MODELS and number in PINHOLE_COEFFICIENTS:
        return Distortion(coefficients)
    raise ConversionError(
        f"camera_info.distortion_model = {model!r} with {number} numbers in d; it must be "
        f"{' or '.join(PINHOLE_MODELS)} with {', '.join(map(str, PINHOLE_COEFFICIENTS))}, or "
        f"{FISHEYE_MODELS[0]} with {FISHEYE_COEFFICIENTS}"
    )


@dataclass(frozen=True, eq=False)
class DepthCamera:
    """A depth camera beside the colour camera.

    Attributes:
        info: its sensor_msgs/CameraInfo.
        T_color_depth: its pose `[4, 4]` in the colour camera.
    """

    info: object
    T_color_depth: Array


def frames_of(color: object, depth: object) -> tuple[str, str]:
    """Return the frames of a colour and a depth image, that of colour where depth has none."""
    color_frame, depth_frame = (item.header.frame_id.lstrip("/") for item in (color, depth))
    return color_frame, depth_frame or color_frame


def is_registered(color: object, depth: object) -> bool:
    """Return whether depth is of the colour camera's frame: aligned, as most drivers call it."""
    color_frame, depth_frame = frames_of(color, depth)
    return not color_frame or color_frame == depth_frame


def to_frame(
    color: object,
    depth: object | None,
    info: object,
    camtoworld: Array,
    depth_camera: DepthCamera | None = None,
) -> RgbdFrame:
    """Return the undistorted frame of a colour and a depth image.

    Args:
        color: image.
        depth: image; registered depth of another size is scaled. None: there is none.
        info: camera info of colour.
        camtoworld: `[4, 4]` pose of the colour camera.
        depth_camera: that of depth which is not registered.

    Raises:
        ValueError: one of them cannot be converted, they do not fit together, or the camera of
            depth that is not registered is not given.
    """
    rgb = to_rgb(color)
    measured = None if depth is None else to_depth(depth)
    shape = rgb.shape[:2]
    K, distortion = _camera("camera_info", "colour", info, shape)
    stamp = to_seconds(color.header.stamp)
    plain = RgbdFrame(rgb, np.zeros(shape, np.float32), K, camtoworld, stamp)
    if depth is None:
        return undistort(plain, distortion)
    if is_registered(color, depth):
        return undistort(replace(plain, depth=_scaled(measured, shape)), distortion)
    if depth_camera is None:
        color_frame, depth_frame = frames_of(color, depth)
        raise ConversionError(
            f"depth is in frame {depth_frame}, colour in {color_frame}; {ALIGNED}"
        )
    frame = undistort(plain, distortion)
    return replace(frame, depth=_registered(measured, depth_camera, K, shape))


def _camera(
    name: str, image: str, info: object, shape: tuple[int, int]
) -> tuple[Array, Distortion]:
    """Return `K [3, 3]` and the distortion of a camera whose images have a shape."""
    K, distortion = to_intrinsics(info)
    height, width = shape
    # Some simulators leave the size at 0.
    if info.width and info.height and (info.width, info.height) != (width, height):
        raise ConversionError(
            f"{name} is of {info.width} x {info.height} px, the {image} image has {width} x "
            f"{height}; both must be of one camera and profile"
        )
    check_intrinsics(f"{name}.k", K, shape)
    return K, distortion


def _scaled(depth: Depth, shape: tuple[int, int]) -> Depth:
    try:
        return to_size(depth, shape)
    except ValueError as error:
        raise ConversionError(f"the depth image {error}; {ALIGNED}") from error


def _registered(depth: Depth, camera: DepthCamera, K: Array, shape: tuple[int, int]) -> Depth:
    K_depth, distortion = _camera("camera_info of depth", "depth", camera.info, depth.shape)
    straight = undistort_depth(depth, K_depth, distortion)
    return register_depth(straight, K_depth, camera.T_color_depth, K, shape)
