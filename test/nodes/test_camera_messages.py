"""Camera info of all usual models, and pairs of images that do not belong together."""

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo

from m3_ros.capture.camera_messages import DepthCamera, to_frame, to_intrinsics
from m3_ros.capture.messages import ConversionError
from m3_ros.nodes import images
from m3_ros.nodes.conversions import header

FRAME = "camera_color_optical_frame"
HEAD = header(FRAME, 1.0)
WIDTH, HEIGHT = 96, 72
K = np.array([[80.0, 0.0, 48.5], [0.0, 80.0, 36.5], [0.0, 0.0, 1.0]])
PINHOLE = [-0.1, 0.02, 0.001, -0.002, 0.003, 0.05, -0.01, 0.002, 0.01, 0.0, -0.01, 0.0, 0.02, 0.01]


def info_of(model, coefficients, K=K, width=WIDTH, height=HEIGHT):
    message = images.camera_info_message(K, width, height, HEAD)
    message.distortion_model, message.d = model, [float(value) for value in coefficients]
    return message


def pair(depth_frame=FRAME, depth_shape=(HEIGHT, WIDTH), rgb=None):
    rgb = np.full((HEIGHT, WIDTH, 3), 100, np.uint8) if rgb is None else rgb
    color = images.image_message(rgb, "rgb8", HEAD)
    depth = images.depth_message(np.ones(depth_shape, np.float32), header(depth_frame, 1.0))
    return color, depth


@pytest.mark.parametrize(
    ("model", "number"),
    [
        ("plumb_bob", 4),
        ("plumb_bob", 5),
        ("rational_polynomial", 8),
        ("rational_polynomial", 12),
        ("rational_polynomial", 14),
        ("equidistant", 4),
    ],
)
def test_distortion_is_removed(model, number):
    """A dot that a distorted camera shows lies where an ideal one has it afterwards."""
    coefficients = np.array(PINHOLE[:number])
    camera = K - [[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]]  # OpenCV's pixel centres
    ideal = np.array([70.0, 20.0])
    ray = np.linalg.solve(camera, [*ideal, 1.0]).reshape(1, 1, 3)
    zero = np.zeros(3)
    if model == "equidistant":
        seen, _ = cv2.fisheye.projectPoints(ray, zero, zero, camera, coefficients)
    else:
        seen, _ = cv2.projectPoints(ray, zero, zero, camera, coefficients)
    v, u = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(u - seen[0, 0, 0], v - seen[0, 0, 1])
    dot = np.exp(-((distance / 3.0) ** 2)) * 255
    rgb = np.repeat(dot[..., None], 3, axis=2).astype(np.uint8)
    assert np.hypot(*(seen[0, 0] - ideal)) > 0.3
    frame = to_frame(*pair(rgb=rgb), info_of(model, coefficients), np.eye(4))
    weight = frame.rgb[..., 0].astype(float)
    centre = [(weight * u).sum() / weight.sum(), (weight * v).sum() / weight.sum()]
    np.testing.assert_allclose(centre, ideal, atol=0.25)


def test_plumb_bob_padded_to_eight_is_that_of_five():
    five, eight = (
        to_frame(*pair(), info_of("plumb_bob", PINHOLE[:5] + [0.0] * padding), np.eye(4))
        for padding in (0, 3)
    )
    assert np.array_equal(five.rgb, eight.rgb)


@pytest.mark.parametrize("model", ["", "plumb_bob", "none"])
@pytest.mark.parametrize("number", [0, 5])
def test_no_distortion_needs_no_model(model, number):
    assert to_intrinsics(info_of(model, [0.0] * number))[1].is_none


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (CameraInfo(), "focal lengths must be positive"),
        (info_of("plumb_bob", [np.nan] * 5), r"camera_info.d = .*finite"),
        (info_of("plumb_bob", PINHOLE[:6]), "'plumb_bob' with 6 numbers"),
        (info_of("equidistant", [0.1] * 5), "'equidistant' with 5 numbers"),
        (info_of("inverse_brown_conrady", PINHOLE[:5]), "inverse_brown_conrady"),
        (info_of("plumb_bob", [], K=K * np.nan), r"camera_info.k = .*finite"),
        (info_of("plumb_bob", [], K=K * [[1], [0.01], [1]]), "camera_info.k = .*ratio"),
        (
            info_of("plumb_bob", [], width=1280, height=720),
            "1280 x 720 px, the colour image",
        ),
    ],
)
def test_camera_info_that_cannot_be_right_is_refused_by_name(info, reason):
    with pytest.raises(ValueError, match=reason):
        to_frame(*pair(), info, np.eye(4))


def test_a_camera_info_without_size_is_accepted():
    info = info_of("plumb_bob", [], width=0, height=0)
    assert to_frame(*pair(), info, np.eye(4)).width == WIDTH


def test_depth_of_another_size_is_scaled():
    frame = to_frame(*pair(depth_shape=(36, 48)), info_of("plumb_bob", []), np.eye(4))
    assert frame.depth.shape == (HEIGHT, WIDTH) and (frame.depth == 1.0).all()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"depth_frame": "camera_depth_optical_frame"}, "depth is in frame camera_depth_optical"),
        ({"depth_shape": (40, 96)}, "aspect ratios must be equal"),
    ],
)
def test_depth_that_is_not_aligned_is_refused_with_the_remedy(options, reason):
    with pytest.raises(ConversionError, match=rf"{reason}.*align_depth.enable:=true"):
        to_frame(*pair(**options), info_of("plumb_bob", []), np.eye(4))


@pytest.mark.parametrize("frame", ["", "/" + FRAME])
def test_depth_without_a_frame_belongs_to_the_colour(frame):
    assert to_frame(*pair(depth_frame=frame), info_of("plumb_bob", []), np.eye(4)).depth.all()


def depth_pair(depth, frame="camera_depth_optical_frame"):
    """A colour image, and depth of another camera."""
    color, _ = pair()
    return color, images.depth_message(depth, header(frame, 1.0))


@pytest.mark.parametrize("coefficients", [[], PINHOLE[:5]], ids=["ideal", "distorted"])
def test_depth_of_another_camera_is_registered(coefficients):
    """Of another size and lens, 5 cm beside: a wall at 1 m, with a dot of the colour camera."""
    K_depth = np.array([[40.0, 0.0, 30.0], [0.0, 40.0, 25.0], [0.0, 0.0, 1.0]])
    depth_info = info_of("plumb_bob", coefficients, K=K_depth, width=60, height=50)
    near = np.full((50, 60), 1.0, np.float32)
    near[20:30, 35:40] = 0.5
    T = np.eye(4)
    T[0, 3] = -0.05
    camera = DepthCamera(depth_info, T)
    frame = to_frame(*depth_pair(near), info_of("plumb_bob", []), np.eye(4), camera)
    assert frame.depth.shape == (HEIGHT, WIDTH)
    # The middle of the near patch: column 37.5, row 25 of depth at 0.5 m.
    u = 48.5 + 80.0 * ((37.5 - 30.0) / 40.0 - 0.1)
    v = 36.5
    seen = np.argwhere(frame.depth == 0.5) + 0.5
    np.testing.assert_allclose(seen.mean(0), [v, u], atol=1.0)
    assert np.median(frame.depth) == 1.0


def test_camera_info_of_depth_that_does_not_fit_is_refused_by_name():
    camera = DepthCamera(info_of("plumb_bob", []), np.eye(4))
    with pytest.raises(ConversionError, match="camera_info of depth is of 96 x 72 px, the depth"):
        depth = np.ones((50, 60), np.float32)
        to_frame(*depth_pair(depth), info_of("plumb_bob", []), np.eye(4), camera)
