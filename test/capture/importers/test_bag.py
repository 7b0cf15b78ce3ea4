"""A bag gives the frames that were recorded, chosen as a live scan chooses them."""

import os
from dataclasses import replace

import cv2
import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from m3_ros.capture.importers import import_scan
from m3_ros.capture.scan import ScanError
from m3_ros.config import M3Config
from m3_ros.geometry import matrix_to_quat, rpy_to_matrix, se3, wxyz_to_xyzw

STORE = get_typestore(Stores.ROS2_JAZZY)
ROBOT = M3Config().robot
SIZE, K = (32, 24), np.array([[30.0, 0, 16], [0, 30, 12], [0, 0, 1]])
MOUNT = se3(np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]]), [0.1, 0.0, 0.2])
COUNT, PERIOD, STEP = 12, 0.1, 0.02  # images, s, m


def message(kind, **fields):
    return STORE.types[kind](**fields)


def header(frame, stamp):
    nanoseconds = round(stamp * 1e9)
    time = message(
        "builtin_interfaces/msg/Time", sec=nanoseconds // 10**9, nanosec=nanoseconds % 10**9
    )
    return message("std_msgs/msg/Header", stamp=time, frame_id=frame)


def image(pixels, encoding, stamp, frame):
    return message(
        "sensor_msgs/msg/Image",
        header=header(frame, stamp),
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels.strides[0],
        data=np.frombuffer(pixels.tobytes(), np.uint8),
    )


def compressed(picture, packing, header_bytes=b""):
    """The same picture as image_transport packs it: PNG after a header, with this in `format`."""
    pixels = np.frombuffer(picture.data, np.uint8).reshape(picture.height, picture.step)
    if picture.encoding == "rgb8":
        bgr = cv2.cvtColor(pixels.reshape(picture.height, -1, 3), cv2.COLOR_RGB2BGR)
    else:
        bgr = pixels.view("<u2")
    data = header_bytes + cv2.imencode(".png", bgr)[1].tobytes()
    return message(
        "sensor_msgs/msg/CompressedImage",
        header=picture.header,
        format=f"{picture.encoding}; {packing}",
        data=np.frombuffer(data, np.uint8),
    )


def camera_info(stamp, k=K):
    roi = message(
        "sensor_msgs/msg/RegionOfInterest",
        **dict.fromkeys(("x_offset", "y_offset", "height", "width"), 0),
        do_rectify=False,
    )
    k = k.copy()
    k[:2, 2] -= 0.5  # ROS counts from the middle of the first pixel
    return message(
        "sensor_msgs/msg/CameraInfo",
        header=header(ROBOT.camera_frame, stamp),
        height=SIZE[1],
        width=SIZE[0],
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=k.ravel(),
        r=np.eye(3).ravel(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel(),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )


def transforms(stamp, *edges):
    items = []
    for parent, child, T in edges:
        vector = message("geometry_msgs/msg/Vector3", **dict(zip("xyz", T[:3, 3], strict=True)))
        xyzw = dict(zip("xyzw", wxyz_to_xyzw(matrix_to_quat(T[:3, :3])), strict=True))
        rotation = message("geometry_msgs/msg/Quaternion", **xyzw)
        transform = message("geometry_msgs/msg/Transform", translation=vector, rotation=rotation)
        items.append(
            message(
                "geometry_msgs/msg/TransformStamped",
                header=header(parent, stamp),
                child_frame_id=child,
                transform=transform,
            )
        )
    return message("tf2_msgs/msg/TFMessage", transforms=items)


def pictures(index):
    rng = np.random.default_rng(index)
    depth = rng.integers(300, 900, SIZE[::-1]).astype("<u2")
    return rng.integers(0, 256, (*SIZE[::-1], 3), np.uint8), depth


def base(stamp):
    """Where the base is: it drives along x and stands still in between."""
    return se3(np.eye(3), [STEP / PERIOD * stamp, 0.0, 0.0])


def record(
    folder,
    delay=0.004,
    without=(),
    encoding="rgb8",
    storage=StoragePlugin.MCAP,
    packed=None,
    k=K,
    stray=None,
    no_depth=0,
    start=0,
    restart=None,
    depth_frame=ROBOT.camera_frame,
    tilt=None,
    pose=base,
    compression=None,
):
    """A drive of `COUNT` images, depth `delay` s later, TF between the images' stamps.

    `packed`: of a topic, what image_transport appends to its name, its packing, a header.
    `stray`: when, in images, one message gives the base another parent. `no_depth`: the number of
    the pixels without depth in the last columns. `k`: intrinsics, or those of each image.
    `restart`: the image from which on all stamps are 20 s earlier. `depth_frame`: another one has
    a camera info of its own and lies 4 px to the right. `tilt`: pose of the level world.
    `pose`: of the base at a time.
    """
    frames = [(0.0, "/tf_static", transforms(0.0, ("base_link", ROBOT.camera_frame, MOUNT)))]
    for index in range(start, start + COUNT + 2):
        stamp = 100.0 + (index - 0.5) * PERIOD
        T = pose(stamp - 100.0) if tilt is None else tilt @ pose(stamp - 100.0)
        frames.append((stamp, "/tf", transforms(stamp, (ROBOT.world_frame, "base_link", T))))
    for index in range(start, start + COUNT):
        restarted = restart is not None and index >= restart
        stamp = 100.0 + index * PERIOD - (20.0 if restarted else 0.0)
        intrinsics = k[index] if np.ndim(k) == 3 else k
        color, depth = pictures(index)
        depth[:, -4:] = no_depth or depth[:, -4:]
        frames += [
            (stamp, ROBOT.color_topic, image(color, encoding, stamp, ROBOT.camera_frame)),
            (
                stamp + delay,
                ROBOT.depth_topic,
                image(depth, "16UC1", stamp + delay, depth_frame),
            ),
            (
                stamp,
                ROBOT.camera_info_topic,
                camera_info(stamp, intrinsics),
            ),
        ]
    if depth_frame != ROBOT.camera_frame:
        shifted = transforms(0.0, (ROBOT.camera_frame, depth_frame, np.eye(4)))
        topic = ROBOT.depth_topic.rpartition("/")[0] + "/camera_info"
        k_depth = k + [[0, 0, -4.0], [0, 0, 0], [0, 0, 0]]
        frames += [(0.0, "/tf_static", shifted), (0.0, topic, camera_info(0.0, k_depth))]
    if stray is not None:
        stamp = 100.0 + stray * PERIOD
        edge = ("camera_init", "base_link", base(5.0))
        frames.append((stamp, "/tf", transforms(stamp, edge)))
    if packed is not None:
        frames = [
            (stamp, topic + packed[topic][0], compressed(content, *packed[topic][1:]))
            if topic in packed
            else (stamp, topic, content)
            for stamp, topic, content in frames
        ]
    writer = Writer(folder, version=9, storage_plugin=storage)
    if compression is not None:
        writer.set_compression(compression, CompressionFormat.ZSTD)
    with writer:
        connections = {}
        if restart is None:
            frames.sort(key=lambda item: item[0])
        for order, (stamp, topic, content) in enumerate(frames):
            if topic in without:
                continue
            if topic not in connections:
                kind, full_name = content.__msgtype__, f"/{topic.lstrip('/')}"
                connections[topic] = writer.add_connection(full_name, kind, typestore=STORE)
            raw = STORE.serialize_cdr(content, content.__msgtype__)
            received = round(stamp * 1e9) if restart is None else order
            writer.write(connections[topic], received, raw)
    return folder


def test_a_bag_becomes_the_scan_that_was_recorded(tmp_path):
    seen = []
    bag = record(tmp_path / "bag")
    scan = import_scan(bag, tmp_path / "scan", lambda *state: seen.append(state))
    kept = [0, 2, 4, 6, 8, 10]  # every 4 cm: scan.keyframe_translation is 3
    assert len(scan) == len(kept) and seen[-1] == ("import", 1.0)
    for index, frame in zip(kept, scan, strict=True):
        color, depth = pictures(index)
        np.testing.assert_array_equal(frame.rgb, color)
        np.testing.assert_allclose(frame.depth, depth * 1e-3, atol=1e-6)
        np.testing.assert_allclose(frame.K, K)
        np.testing.assert_allclose(frame.camtoworld, base(index * PERIOD) @ MOUNT, atol=1e-6)
        assert frame.stamp == pytest.approx(100.0 + index * PERIOD)


@pytest.mark.parametrize(
    "depth",
    [("/compressedDepth", "compressedDepth png", bytes(12)), ("/compressed", "png compressed ")],
)
def test_compressed_pictures_are_unpacked(tmp_path, depth):
    packed = {ROBOT.color_topic: ("/compressed", "png compressed bgr8"), ROBOT.depth_topic: depth}
    scan = import_scan(record(tmp_path / "bag", packed=packed), tmp_path / "scan")
    color, meters = pictures(2)
    assert len(scan) == 6
    np.testing.assert_array_equal(scan[1].rgb, color)
    np.testing.assert_allclose(scan[1].depth, meters * 1e-3, atol=1e-6)


def test_sqlite_bags_are_read_too(tmp_path):
    bag = record(tmp_path / "bag", storage=StoragePlugin.SQLITE3)
    assert len(import_scan(bag, tmp_path / "scan")) == 6


def test_the_file_alone_will_do(tmp_path):
    (file,) = record(tmp_path / "bag").glob("*.mcap")
    file = file.rename(tmp_path / "alone.mcap")
    assert len(import_scan(file, tmp_path / "scan")) == 6


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"without": (ROBOT.camera_info_topic,)}, "robot.camera_info_topic"),
        ({"without": ("/tf",)}, ROBOT.world_frame),
        ({"delay": 0.03}, "scan.sync_tolerance"),
        ({"encoding": "nv21"}, "nv21"),
    ],
)
def test_what_is_missing_is_said_and_no_scan_is_left(tmp_path, options, reason):
    bag = record(tmp_path / "bag", **options)
    with pytest.raises(ScanError, match=reason):
        import_scan(bag, tmp_path / "scan")
    assert not (tmp_path / "scan").exists()


def test_a_broken_bag_is_refused(tmp_path):
    (file,) = record(tmp_path / "bag").glob("*.mcap")
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(ScanError, match="bag"):
        import_scan(tmp_path / "bag", tmp_path / "scan")
    (tmp_path / "empty.mcap").write_bytes(b"")
    with pytest.raises(ScanError, match="empty.mcap"):
        import_scan(tmp_path / "empty.mcap", tmp_path / "scan")


def test_damaged_bytes_are_said_to_be_damaged_and_leave_no_scan(tmp_path):
    bag, random, refused = record(tmp_path / "bag"), np.random.default_rng(0), 0
    (file,) = bag.glob("*.mcap")
    good = np.fromfile(file, np.uint8)
    for turn in range(20):
        bad = good.copy()
        bad[random.integers(8, len(bad) - 8, 3)] ^= random.integers(1, 255, 3, np.uint8)
        bad.tofile(file)
        try:
            import_scan(bag, tmp_path / f"scan{turn}")
        except ScanError:
            refused += 1
            assert not (tmp_path / f"scan{turn}").exists()
    assert refused > 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "metadata.yaml: $ is null; it must be an object"),
        ("[]", "metadata.yaml: $ is []; it must be an object"),
        ("a: 1", "$.rosbag2_bagfile_information is missing"),
        ("\tx", "metadata.yaml is no YAML that can be read"),
        ("[" * 9_999, "metadata.yaml is no YAML that can be read"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (b"\xff\xfe", "metadata.yaml is no YAML that can be read"),
    ],
)
def test_metadata_that_is_none_is_named(tmp_path, text, words):
    bag = record(tmp_path / "bag")
    (bag / "metadata.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ScanError) as error:
        import_scan(bag, tmp_path / "scan")
    assert words in str(error.value) and "\n" not in str(error.value)
    assert "`ros2 bag reindex" in str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version: 9", "version: x", '.version is "x"; it must be a whole number, 1 to 9'),
        ("version: 9", "version: 99", ".version is 99; it must be a whole number, 1 to 9"),
        (
            "identifier: mcap",
            "identifier: foo",
            '.storage_identifier is "foo"; it must be mcap or',
        ),
        ("message_count: 1\n", "message_count: -1\n", "message_count is -1; it must be a whole"),
        ("format: cdr", "format: json", 'serialization_format is "json"; it must be cdr'),
        ("- bag.mcap", "- 5", "relative_file_paths[0] is 5; it must be a text"),
        ("- bag.mcap", "- other.mcap", "database files are missing"),
    ],
)
def test_a_field_of_the_metadata(tmp_path, old, new, words):
    path = record(tmp_path / "bag") / "metadata.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ScanError) as error:
        import_scan(tmp_path / "bag", tmp_path / "scan")
    assert words in str(error.value)


def test_a_count_that_is_not_the_bags_is_told(tmp_path, caplog):
    path = record(tmp_path / "bag") / "metadata.yaml"
    path.write_text(path.read_text().replace("message_count: 12\n", "message_count: 90\n", 1))
    assert len(import_scan(tmp_path / "bag", tmp_path / "scan")) == 6
    assert "states 90 messages on /camera" in caplog.text and "and holds 12" in caplog.text


def test_transforms_of_another_type_are_named(tmp_path):
    path = record(tmp_path / "bag", storage=StoragePlugin.SQLITE3) / "metadata.yaml"
    path.write_text(path.read_text().replace("tf2_msgs/msg/TFMessage", "std_msgs/msg/String"))
    with pytest.raises(ScanError, match="has /tf of std_msgs/msg/String; it must be tf2_msgs"):
        import_scan(tmp_path / "bag", tmp_path / "scan")


def test_a_bag_without_transforms_is_named(tmp_path):
    record(tmp_path / "bag", without=("/tf", "/tf_static"))
    with pytest.raises(ScanError, match="has neither a topic /tf nor /tf_static"):
        import_scan(tmp_path / "bag", tmp_path / "scan")


def test_a_pipe_in_the_place_of_a_recording_is_not_waited_for(tmp_path):
    (file,) = record(tmp_path / "bag").glob("*.mcap")
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ScanError, match="bag.mcap is no file; it must be a recording"):
        import_scan(tmp_path / "bag", tmp_path / "scan")


def test_a_topic_of_another_type_is_named(tmp_path):
    bag = record(tmp_path / "bag")
    robot = replace(ROBOT, color_topic=ROBOT.camera_info_topic, camera_info_topic="other")
    with pytest.raises(ScanError, match=r"robot.color_topic\) of sensor_msgs/msg/Image"):
        import_scan(bag, tmp_path / "scan", config=replace(M3Config(), robot=robot))


@pytest.mark.parametrize("value", [65535])
def test_the_largest_number_is_a_hole(tmp_path, value):
    scan = import_scan(record(tmp_path / "bag", no_depth=value), tmp_path / "scan")
    for frame in scan:
        assert not frame.depth[:, -4:].any() and frame.depth[:, :-4].all()


@pytest.mark.parametrize(
    "k",
    [
        [[772.9, 0, 0.5], [0, 1, 0.5], [0, 0, 2.5e-323]],
        [[30.0, 0, 16], [0, 1e-3, 12], [0, 0, 1]],
        [[30.0, 0, 160], [0, 30, 12], [0, 0, 1]],
    ],
)
def test_impossible_intrinsics_are_refused_by_name(tmp_path, k):
    bag = record(tmp_path / "bag", k=np.array(k))
    with pytest.raises(ScanError, match=rf"{ROBOT.camera_info_topic}.*k = .*must"):
        import_scan(bag, tmp_path / "scan")
    assert not (tmp_path / "scan").exists()


@pytest.mark.parametrize("stray", [-0.7, 5.25])
def test_a_stray_parent_changes_nothing_and_both_are_told(tmp_path, stray, caplog):
    scan = import_scan(record(tmp_path / "bag", stray=stray), tmp_path / "scan")
    assert len(scan) == 6
    for index, frame in enumerate(scan):
        pose = base(2 * index * PERIOD) @ MOUNT
        np.testing.assert_allclose(frame.camtoworld, pose, atol=1e-6)
    assert "base_link" in caplog.text
    assert ROBOT.world_frame in caplog.text and "camera_init" in caplog.text


@pytest.mark.parametrize("storage", [StoragePlugin.MCAP, StoragePlugin.SQLITE3])
def test_a_bag_without_metadata_is_read(tmp_path, storage):
    bag = record(tmp_path / "bag", storage=storage)
    (bag / "metadata.yaml").unlink()
    if storage is StoragePlugin.SQLITE3:  # its message definitions stand in metadata.yaml alone
        with pytest.raises(ScanError, match="ros2 bag reindex"):
            import_scan(bag, tmp_path / "scan")
    else:
        assert len(import_scan(bag, tmp_path / "scan")) == 6


def test_split_files_without_metadata_are_read_as_one(tmp_path):
    bag = record(tmp_path / "bag")
    (bag / "metadata.yaml").unlink()
    (only,) = bag.glob("*.mcap")
    only.rename(bag / "first.mcap")
    (other,) = record(tmp_path / "other", start=COUNT).glob("*.mcap")
    other.rename(bag / "second.mcap")
    assert len(import_scan(bag, tmp_path / "scan")) == 12


def test_intrinsics_that_change_count_from_their_stamp_on(tmp_path):
    other = K * [[1.2], [1.2], [1.0]]
    k = np.array([K * 0.0] * 2 + [K] * 4 + [other] * (COUNT - 6))
    scan = import_scan(record(tmp_path / "bag", k=k), tmp_path / "scan")
    for index, frame in enumerate(scan):
        assert np.allclose(frame.K, K if 2 * index < 6 else other)


def test_time_that_goes_back_is_refused_by_name(tmp_path):
    bag = record(tmp_path / "bag", restart=COUNT // 2)
    with pytest.raises(ScanError, match=r"time goes back by 19\.9 s"):
        import_scan(bag, tmp_path / "scan")


def test_depth_of_another_camera_is_registered(tmp_path):
    bag = record(tmp_path / "bag", depth_frame="camera_depth_optical_frame")
    scan = import_scan(bag, tmp_path / "scan")
    assert len(scan) == 6
    color, depth = pictures(0)
    np.testing.assert_array_equal(scan[0].rgb, color)
    assert not scan[0].depth[:, :4].any()
    np.testing.assert_allclose(scan[0].depth[:, 4:], depth[:, :-4] * 1e-3, atol=1e-6)


def test_depth_of_another_camera_without_its_camera_info_is_refused(tmp_path):
    without = (ROBOT.depth_topic.rpartition("/")[0] + "/camera_info",)
    bag = record(tmp_path / "bag", depth_frame="camera_depth_optical_frame", without=without)
    with pytest.raises(ScanError, match="depth is in frame camera_depth_optical_frame, colour"):
        import_scan(bag, tmp_path / "scan")


@pytest.mark.parametrize("degrees", [20.0, 180.0])
def test_a_world_that_is_not_level_is_levelled_and_told(tmp_path, caplog, degrees):
    level = import_scan(record(tmp_path / "level"), tmp_path / "expected")
    tilt = se3(rpy_to_matrix([np.radians(degrees), 0.0, 0.0]), [0.0, 0.0, 0.3])
    scan = import_scan(record(tmp_path / "bag", tilt=tilt), tmp_path / "scan")
    assert f"map is not level: base_link leans by {degrees} degrees" in caplog.text
    assert "bag is turned, so that base_link stands upright" in caplog.text
    for ours, expected in zip(scan, level, strict=True):
        height = ours.camtoworld - expected.camtoworld
        assert np.allclose(height[:3, :3], 0.0, atol=1e-6)
        assert np.allclose(height[:3, 3], scan[0].camtoworld[:3, 3] - level[0].camtoworld[:3, 3])


def test_a_world_stays_as_it_is_where_the_tilt_is_accepted(tmp_path, caplog):
    tilt = se3(rpy_to_matrix([np.radians(20.0), 0.0, 0.0]), np.zeros(3))
    accepted = replace(M3Config(), scan=replace(M3Config().scan, max_tilt=0.5))
    bag = record(tmp_path / "bag", tilt=tilt)
    scan = import_scan(bag, tmp_path / "scan", config=accepted)
    assert len(scan) == 6 and "not level" not in caplog.text
    assert np.allclose(scan[0].camtoworld, tilt @ base(0.0) @ MOUNT, atol=1e-6)


def test_a_base_that_leans_now_this_way_now_that_is_refused(tmp_path):
    def tumbling(stamp):
        roll = np.radians(60.0) * (-1.0 if int(stamp / PERIOD) % 4 < 2 else 1.0)
        return base(stamp) @ se3(rpy_to_matrix([roll, 0.0, 0.0]), np.zeros(3))

    config = replace(M3Config(), scan=replace(M3Config().scan, max_speed=100.0))
    with pytest.raises(ScanError, match="leans in no steady direction"):
        import_scan(record(tmp_path / "bag", pose=tumbling), tmp_path / "scan", config=config)
    assert not (tmp_path / "scan").exists()


def test_a_bag_without_depth_is_a_scan_of_colour(tmp_path, caplog):
    bag = record(tmp_path / "bag", without=(ROBOT.depth_topic,))
    scan = import_scan(bag, tmp_path / "scan")
    np.testing.assert_array_equal(scan[1].rgb, pictures(2)[0])
    assert len(scan) == 6 and not any(frame.depth.any() for frame in scan)
    assert "robot.depth_topic" in caplog.text


def test_depth_of_another_name_is_not_overlooked(tmp_path):
    robot = replace(ROBOT, depth_topic="my/depth")
    with pytest.raises(ScanError, match=r"/my/depth \(robot.depth_topic\).*it has .*depth"):
        config = replace(M3Config(), robot=robot)
        import_scan(record(tmp_path / "bag"), tmp_path / "scan", config=config)


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bags_are_read(tmp_path, mode):
    bag = record(tmp_path / "bag", storage=StoragePlugin.SQLITE3, compression=mode)
    assert len(import_scan(bag, tmp_path / "scan")) == 6
    (file,) = bag.glob("*.db3*")
    if mode is CompressionMode.MESSAGE:  # which metadata.yaml alone says
        assert len(import_scan(file, tmp_path / "again")) == 6
    (bag / "metadata.yaml").unlink()
    remedy = "zstd -d" if mode is CompressionMode.FILE else "ros2 bag reindex"
    with pytest.raises(ScanError, match=remedy):
        import_scan(bag, tmp_path / "other")


def test_a_bag_cut_short_is_told_with_a_remedy(tmp_path):
    bag = record(tmp_path / "bag")
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(ScanError, match=r"cut short, `mcap recover .*\.mcap -o whole\.mcap`"):
        import_scan(bag, tmp_path / "scan")


def test_a_bag_of_ros_1_is_named(tmp_path):
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    for source in (tmp_path / "old.bag", tmp_path):
        with pytest.raises(ScanError, match=r"old\.bag is a bag of ROS 1: `rosbags-convert --src"):
            import_scan(source, tmp_path / "scan")
