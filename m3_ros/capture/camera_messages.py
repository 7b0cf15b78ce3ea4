"""Camera info, and images of one camera as posed frames."""

from __future__ import annotations

import numpy as np

from m3_ros.capture.depth import to_size
from m3_ros.capture.distortion import Distortion, undistort
from m3_ros.capture.frame import RgbdFrame, check_intrinsics
from m3_ros.capture.messages import ConversionError, to_depth, to_rgb, to_seconds
from m3_ros.types import Array, Depth, Image

PINHOLE_MODELS = ("plumb_bob", "rational_polynomial")
PINHOLE_COEFFICIENTS = (4, 5, 8, 12, 14)
"""Numbers of coefficients that OpenCV's pinhole model may have: k1 k2 p1 p2 [k3 [k4 k5 k6 [s1 s2
s3 s4 [tx ty]]]]. Some drivers pad plumb_bob's five with zeros."""

FISHEYE_MODELS = ("equidistant", "fisheye")
FISHEYE_COEFFICIENTS = 4

ALIGNED = (
    "robot.depth_topic must be depth aligned to colour (realsense2_camera: "
    "align_depth.enable:=true, topic aligned_depth_to_color/image_raw)"
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


def to_frame(color: object, depth: object, info: object, camtoworld: Array) -> RgbdFrame:
    """Return the undistorted frame of a colour and a depth image of one camera.

    Args:
        color: image.
        depth: image aligned to it; of another size it is scaled.
        info: camera info of both.
        camtoworld: `[4, 4]` pose of the camera.

    Raises:
        ValueError: one of them cannot be converted, they do not fit together, or the depth is of
            another frame.
    """
    K, distortion = to_intrinsics(info)
    rgb = to_rgb(color)
    height, width = rgb.shape[:2]
    # Some simulators leave the size at 0.
    if info.width and info.height and (info.width, info.height) != (width, height):
        raise ConversionError(
            f"camera_info is of {info.width} x {info.height} px, the colour image has {width} x "
            f"{height}; both must be of one camera and profile"
        )
    check_intrinsics("camera_info.k", K, (height, width))
    stamp = to_seconds(color.header.stamp)
    frame = RgbdFrame(rgb, _aligned(color, depth, rgb), K, camtoworld, stamp)
    return undistort(frame, distortion)


def _aligned(color: object, depth: object, rgb: Image) -> Depth:
    """Return the depth of an image that belongs to the colour image's pixels."""
    color_frame, depth_frame = (item.header.frame_id.lstrip("/") for item in (color, depth))
    if color_frame and depth_frame and color_frame != depth_frame:
        raise ConversionError(
            f"depth is in frame {depth_frame}, colour in {color_frame}; {ALIGNED}"
        )
    try:
        return to_size(to_depth(depth), rgb.shape[:2])
    except ConversionError:
        raise
    except ValueError as error:
        raise ConversionError(f"the depth image {error}; {ALIGNED}") from error
