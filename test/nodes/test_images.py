from array import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage, Image, PointCloud2

from m3_ros.capture import camera_messages, messages
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


@pytest.mark.parametrize(
    ("encoding", "red"),
    [
        ("yuv422", (90, 81, 240, 81)),  # ITU-R BT.601: U Y V Y of pure red
        ("uyvy", (90, 81, 240, 81)),
        ("yuv422_yuy2", (81, 90, 81, 240)),
        ("yuyv", (81, 90, 81, 240)),
    ],
)
def test_yuv_images_give_rgb(encoding, red):
    pixels = np.tile(np.array(red, np.uint8).reshape(1, 2, 2), (4, 3, 1))
    rgb = messages.to_rgb(images.image_message(pixels, encoding, HEAD))
    assert np.abs(rgb.astype(int) - [255, 0, 0]).max() <= 2 and rgb.shape == (4, 6, 3)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("order", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_mosaics_give_rgb(order, bits):
    color = dict(r=200, g=120, b=40)
    tile = np.array([color[letter] for letter in order]).reshape(2, 2)
    mosaic = np.tile(tile, (4, 4)).astype(np.uint8 if bits == 8 else np.uint16) << (bits - 8)
    rgb = messages.to_rgb(images.image_message(mosaic, f"bayer_{order}{bits}", HEAD))
    assert (rgb == [200, 120, 40]).all() and rgb.dtype == np.uint8


def test_sixteen_bits_become_eight():
    wide = RGB.astype(np.uint16) << 8 | 255
    assert np.array_equal(messages.to_rgb(images.image_message(wide, "rgb16", HEAD)), RGB)
    grey = messages.to_rgb(images.image_message(wide[..., 0], "mono16", HEAD))
    assert np.array_equal(grey, np.repeat(RGB[..., :1], 3, axis=2))


def test_an_odd_width_of_yuv_is_refused_by_name():
    pixels = np.zeros((4, 5, 2), np.uint8)
    with pytest.raises(ConversionError, match="5 x 4 yuyv"):
        messages.to_rgb(images.image_message(pixels, "yuyv", HEAD))


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


def test_holes_of_integer_depth_are_zero():
    depth = np.array([[500, 65535], [0, 1]], np.uint16)
    message = images.image_message(depth, "16UC1", HEAD)
    assert np.allclose(messages.to_depth(message), [[0.5, 0.0], [0.0, 1e-3]])


def test_depth_survives_millimetres():
    depth = np.linspace(0.0, 3.0, 24, dtype=np.float32).reshape(4, 6)
    message = images.depth_message(depth, HEAD)
    assert message.encoding == "16UC1"
    assert np.abs(messages.to_depth(message) - depth).max() <= 0.5e-3 + 1e-6


@pytest.mark.parametrize("convert", [messages.to_rgb, messages.to_depth])
def test_unknown_encodings_and_short_images_are_refused(convert):
    with pytest.raises(ConversionError, match="nv21"):
        convert(images.image_message(RGB[..., 0], "nv21", HEAD))
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


def rvl(image):
    """Columns, rows and the words of RVL, as image_transport puts them after its header."""
    nibbles, previous, pixels = [], 0, [int(value) for value in image.ravel()]

    def put(value):
        while True:
            nibbles.append(value & 7 | (8 if value >> 3 else 0))
            value >>= 3
            if not value:
                return

    def run(start, measured):
        end = start
        while end < len(pixels) and bool(pixels[end]) is measured:
            end += 1
        put(end - start)
        return end

    at = 0
    while at < len(pixels):
        begin = run(at, False)
        at = run(begin, True)
        for value in pixels[begin:at]:
            change, previous = value - previous, value
            put(2 * change if change >= 0 else -2 * change - 1)
    nibbles += [0] * (-len(nibbles) % 8)
    words = [
        int("".join(f"{n:x}" for n in nibbles[i : i + 8]), 16) for i in range(0, len(nibbles), 8)
    ]
    return np.array([image.shape[1], image.shape[0], *words], "<u4").tobytes()


HOLED = np.array([[0, 0, 7, 65000, 1, 0], [900] * 6, [0] * 6, [0, 5, 0, 4, 3000, 0]], np.uint16)
CUT_RVL = bytes(12) + rvl(HOLED)[:-8]


@pytest.mark.parametrize("image", [HOLED, 0 * HOLED, HOLED[:1, 2:5]], ids=["holes", "no", "all"])
def test_depth_packed_by_rvl(image):
    message = CompressedImage(format="16UC1; compressedDepth rvl", data=bytes(12) + rvl(image))
    np.testing.assert_allclose(messages.to_depth(message), image * 1e-3, rtol=1e-6)


def test_inverse_depth_packed_by_rvl():
    head = np.array([0, 10100.0, 0.0], "<f4").tobytes()
    packed = np.array([[0, 5050]], np.uint16)
    message = CompressedImage(format="32FC1; compressedDepth rvl", data=head + rvl(packed))
    np.testing.assert_allclose(messages.to_depth(message), [[0.0, 2.0]])


def test_a_depth_png_whose_packing_is_not_named():
    message = compressed(HOLED, "16UC1", head=bytes(12))
    np.testing.assert_allclose(messages.to_depth(message), HOLED * 1e-3, rtol=1e-6)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (CompressedImage(format="16UC1; compressedDepth rvl", data=b"0" * 12), "0 bytes hold"),
        (CompressedImage(format="16UC1; compressedDepth rvl", data=b"0" * 40), "a size of"),
        (CompressedImage(format="16UC1; compressedDepth rvl", data=CUT_RVL), "do not hold 6 x 4"),
        (CompressedImage(format="32FC1; png compressed ", data=b"0" * 40), "32FC1; png"),
        (
            CompressedImage(format="16UC1; compressedDepth png", data=b"0" * 40),
            "is no readable image",
        ),
        (CompressedImage(format="16UC1; compressedDepth png", data=b""), "0 bytes"),
        (compressed(RGB, "16UC1; png compressed "), "16 bits a pixel"),
    ],
)
def test_depth_that_cannot_be_unpacked_is_refused(message, reason):
    with pytest.raises(ConversionError, match=reason):
        messages.to_depth(message)


def test_colour_without_a_picture_is_refused():
    with pytest.raises(ConversionError, match="is no readable image"):
        messages.to_rgb(CompressedImage(format="jpeg", data=b"none"))


def test_intrinsics_move_by_half_a_pixel_and_back():
    message = images.camera_info_message(K, 640, 480, HEAD)
    assert np.allclose(message.k[2], K[0, 2] - 0.5)
    back, distortion = camera_messages.to_intrinsics(message)
    assert np.allclose(back, K) and distortion.is_none
    # ROS says the centre of the first pixel is (0, 0); here it is (0.5, 0.5).
    ray = np.linalg.inv(np.reshape(message.k, (3, 3))) @ [0.0, 0.0, 1.0]
    assert np.allclose(project(ray, back)[0], [0.5, 0.5])


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


@pytest.mark.parametrize("size", [(2**32 - 1, 2**32 - 1), (6, 1), (1, 6)])
def test_a_cloud_with_fewer_bytes_than_it_announces_is_refused(size):
    message = images.cloud_message(np.zeros((5, 3), np.float32), HEAD)
    message.width, message.height = size
    with pytest.raises(ConversionError, match="cloud has 60 bytes; .* points of 12 bytes need"):
        images.to_columns(message, "x")


def test_a_cloud_without_coordinates_is_refused():
    with pytest.raises(ConversionError, match="x, y, z"):
        images.to_points(PointCloud2())


def test_packed_colour_is_what_rviz_reads():
    packed = images.pack_rgb(np.array([[1, 2, 3]], np.uint8))
    assert packed.view(np.uint32).tolist() == [0x010203]
