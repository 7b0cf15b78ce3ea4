from array import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, PointCloud2

from m3_ros.capture import messages
from m3_ros.capture.messages import ConversionError
from m3_ros.geometry import project
from m3_ros.nodes import images
from m3_ros.nodes.conversions import header

HEAD = header("camera_color_optical_frame", 1.0)
RGB = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
K = np.array([[382.26, 0.0, 321.4], [0.0, 382.26, 241.7], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", np.dstack([RGB, np.full((4, 6), 9, np.uint8)])),
        ("bgra8", np.dstack([RGB[..., ::-1], np.full((4, 6), 9, np.uint8)])),
    ],
)
def test_every_colour_encoding_gives_rgb(encoding, pixels):
    assert np.array_equal(messages.to_rgb(images.image_message(pixels, encoding, HEAD)), RGB)


def test_grey_becomes_three_equal_channels():
    grey = messages.to_rgb(images.image_message(RGB[..., 0], "mono8", HEAD))
    assert np.array_equal(grey, np.repeat(RGB[..., :1], 3, axis=2))


def test_row_padding_and_byte_order_are_honoured():
    depth = (np.arange(24) * 100).astype(">u2").reshape(4, 6)
    padded = np.zeros((4, 16), np.uint8)
    padded[:, :12] = depth.view(np.uint8)
    message = Image(height=4, width=6, encoding="16UC1", step=16, is_bigendian=1)
    message.data = array("B", padded.tobytes())
    assert np.allclose(messages.to_depth(message), depth.astype(float) * 1e-3)


def test_depth_in_metres_has_no_nan_left():
    depth = np.array([[0.5, np.nan], [np.inf, -1.0]], np.float32)
    message = images.image_message(depth, "32FC1", HEAD)
    assert messages.to_depth(message).tolist() == [[0.5, 0.0], [0.0, 0.0]]


def test_depth_survives_millimetres():
    depth = np.linspace(0.0, 3.0, 24, dtype=np.float32).reshape(4, 6)
    message = images.depth_message(depth, HEAD)
    assert message.encoding == "16UC1"
    assert np.abs(messages.to_depth(message) - depth).max() <= 0.5e-3 + 1e-6


@pytest.mark.parametrize("convert", [messages.to_rgb, messages.to_depth])
def test_unknown_encodings_and_short_images_are_refused(convert):
    with pytest.raises(ConversionError, match="yuv422_yuy2"):
        convert(images.image_message(RGB[..., 0], "yuv422_yuy2", HEAD))
    encoding = "rgb8" if convert is messages.to_rgb else "16UC1"
    with pytest.raises(ConversionError, match="it must have rows"):
        convert(Image(height=4, width=6, step=18, encoding=encoding, data=array("B", b"\0")))


def compressed(pixels, packing, kind=".png", head=b""):
    data = head + cv2.imencode(kind, pixels)[1].tobytes()
    return CompressedImage(format=packing, data=array("B", data))


def test_a_jpeg_gives_nearly_the_colours_that_were_packed():
    smooth = np.zeros((32, 48, 3), np.uint8)
    smooth[..., 0], smooth[..., 2] = np.arange(48) * 4, 200
    message = compressed(smooth[..., ::-1], "rgb8; jpeg compressed bgr8", ".jpg")
    assert np.abs(messages.to_rgb(message).astype(int) - smooth).max() < 12


def test_inverse_depth_is_unpacked_as_image_transport_packs_it():
    depth = np.linspace(0.2, 9.0, 24).reshape(4, 6)
    quantization, farthest = 100.0, 10.0  # compressed_depth_image_transport's settings
    a = quantization * (quantization + 1.0)
    b = 1.0 - a / farthest
    packed = np.round(a / depth + b).astype(np.uint16)
    packed[0, 0] = 0  # no depth there
    head = np.array([0, a, b], "<f4").tobytes()
    message = compressed(packed, "32FC1; compressedDepth png", head=head)
    back = messages.to_depth(message)
    assert back[0, 0] == 0.0 and back.dtype == np.float32
    step = depth**2 / a  # what one count of the inverse is worth
    assert (np.abs(back - depth)[packed > 0] <= 0.51 * step[packed > 0] + 1e-4).all()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (CompressedImage(format="16UC1; compressedDepth rvl", data=b"0" * 40), "rvl"),
        (CompressedImage(format="32FC1; png compressed ", data=b"0" * 40), "32FC1; png"),
        (CompressedImage(format="16UC1; compressedDepth png", data=b"0" * 40), "no image"),
        (CompressedImage(format="16UC1; compressedDepth png", data=b""), "0 bytes"),
        (compressed(RGB, "16UC1; png compressed "), "16 bits a pixel"),
    ],
)
def test_depth_that_cannot_be_unpacked_is_refused(message, reason):
    with pytest.raises(ConversionError, match=reason):
        messages.to_depth(message)


def test_colour_without_a_picture_is_refused():
    with pytest.raises(ConversionError, match="no image"):
        messages.to_rgb(CompressedImage(format="jpeg", data=b"none"))


def test_intrinsics_move_by_half_a_pixel_and_back():
    message = images.camera_info_message(K, 640, 480, HEAD)
    assert np.allclose(message.k[2], K[0, 2] - 0.5)
    back, distortion = messages.to_intrinsics(message)
    assert np.allclose(back, K) and not distortion.any()
    # ROS says the centre of the first pixel is (0, 0); here it is (0.5, 0.5).
    ray = np.linalg.inv(np.reshape(message.k, (3, 3))) @ [0.0, 0.0, 1.0]
    assert np.allclose(project(ray, back)[0], [0.5, 0.5])


def test_uncalibrated_and_fisheye_cameras_are_refused():
    with pytest.raises(ConversionError, match="focal"):
        messages.to_intrinsics(CameraInfo())
    message = images.camera_info_message(K, 640, 480, HEAD)
    message.distortion_model, message.d = "equidistant", [0.1, 0.0, 0.0, 0.0]
    with pytest.raises(ConversionError, match="equidistant"):
        messages.to_intrinsics(message)


def test_cloud_round_trip_leaves_out_invalid_points():
    points = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    score = np.arange(5, dtype=np.float32)
    message = images.cloud_message(points, HEAD, {"score": score})
    assert [field.name for field in message.fields] == ["x", "y", "z", "score"]
    assert np.array_equal(images.to_points(message), points)
    points[2, 1] = np.nan
    assert len(images.to_points(images.cloud_message(points, HEAD))) == 4


def test_any_columns_of_a_cloud_can_be_read():
    points = np.random.default_rng(0).random((5, 3)).astype(np.float32)
    opacity = np.linspace(0.0, 1.0, 5, dtype=np.float32)
    message = images.cloud_message(points, HEAD, {"rgb": opacity * 0, "opacity": opacity})
    columns = images.to_columns(message, "z", "opacity")
    assert np.array_equal(columns, np.stack([points[:, 2], opacity], axis=1))
    with pytest.raises(ConversionError, match="score"):
        images.to_columns(message, "x", "score")


def test_a_cloud_without_coordinates_is_refused():
    with pytest.raises(ConversionError, match="x, y, z"):
        images.to_points(PointCloud2())


def test_packed_colour_is_what_rviz_reads():
    packed = images.pack_rgb(np.array([[1, 2, 3]], np.uint8))
    assert packed.view(np.uint32).tolist() == [0x010203]
