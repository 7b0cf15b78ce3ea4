"""Posed frames from topics whose time goes back, whose images are compressed, and the like."""

import time
from array import array
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import rclpy
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tf2_msgs.msg import TFMessage

from m3_ros.capture.scan import Scan
from m3_ros.config import M3Config
from m3_ros.geometry import planar_pose, rpy_to_matrix, se3
from m3_ros.nodes import images
from m3_ros.nodes.conversions import header, to_stamp, transform_stamped
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.recording import Recording
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import TF, TF_STATIC, subscribe_transforms

CONFIG = M3Config()
CAMERA = CONFIG.robot.camera_frame
K = np.array([[30.0, 0.0, 16.0], [0.0, 30.0, 12.0], [0.0, 0.0, 1.0]])
RGB = np.full((24, 32, 3), (10, 20, 30), np.uint8)
DEPTH = np.full((24, 32), 0.5, np.float32)


class Publisher:
    """Publishes a camera on a moving base, stamp by stamp."""

    def __init__(self, node, compressed=False):
        robot, self.node, self.compressed = CONFIG.robot, node, compressed
        kind, suffix = (CompressedImage, ("/compressed", "/compressedDepth"))
        if not compressed:
            kind, suffix = Image, ("", "")
        self.color = node.create_publisher(kind, robot.color_topic + suffix[0], 10)
        self.depth = node.create_publisher(kind, robot.depth_topic + suffix[1], 10)
        self.info = node.create_publisher(CameraInfo, robot.camera_info_topic, 10)
        self.tf = node.create_publisher(TFMessage, "/tf", TF)

    def publish(
        self, stamp, y=0.0, K=K, camera=CAMERA, base=None, transforms=True, depth_frame=None
    ):
        head = header(camera, stamp)
        self.info.publish(images.camera_info_message(K, 32, 24, head))
        if transforms:
            base = planar_pose(0.1 * (stamp % 1000.0), y, 0.0) if base is None else base
            edges = [("map", "base_link", base), ("base_link", CAMERA, np.eye(4))]
            self.tf.publish(
                TFMessage(
                    transforms=[transform_stamped(*edge[:2], stamp, edge[2]) for edge in edges]
                )
            )
        color = images.image_message(RGB, "rgb8", head)
        depth = images.depth_message(DEPTH, header(depth_frame or camera, stamp))
        if self.compressed:
            color, depth = compress(color, depth)
        self.color.publish(color)
        self.depth.publish(depth)


def compress(color, depth):
    png = cv2.imencode(".png", RGB[..., ::-1])[1].tobytes()
    packed = b"\0" * 12 + cv2.imencode(".png", (DEPTH * 1e3).astype(np.uint16))[1].tobytes()
    return (
        CompressedImage(header=color.header, format="rgb8; png compressed", data=array("B", png)),
        CompressedImage(
            header=depth.header, format="16UC1; compressedDepth png", data=array("B", packed)
        ),
    )


@pytest.fixture
def backlog():
    return 1


@pytest.fixture
def stream(context, backlog):
    owner = rclpy.create_node("owner", context=context)
    inputs = InputNode(owner)
    monitor = TopicMonitor(inputs)
    tree = subscribe_transforms(inputs, monitor)
    stream = RgbdSubscriber(inputs, CONFIG, tree, monitor, backlog)
    yield stream
    stream.close()
    inputs.destroy_node()
    owner.destroy_node()


@pytest.fixture
def camera(spin, stream, until):
    node = spin("camera")
    camera = Publisher(node)
    publishers = (camera.color, camera.depth, camera.info, camera.tf)
    until(lambda: all(each.get_subscription_count() for each in publishers))
    return camera


def play(camera, stream, stamps, **options):
    """Publish frames one after another; return those that arrive."""
    frames = []
    for stamp in stamps:
        camera.publish(stamp, **options)
        frame = stream.next(10.0, after=stamp - 0.01)
        while frame.stamp != stamp:  # one of before time went back
            frame = stream.next(10.0, after=stamp - 0.01)
        frames.append(frame)
    return frames


def test_frames_come_at_once_after_time_went_back(camera, stream):
    play(camera, stream, np.arange(1000.0, 1020.0, 1.0))
    waiting = stream.runs
    frames = play(camera, stream, np.arange(1000.0, 1010.0, 1.0), y=1.0)
    assert stream.runs == waiting + 1
    assert [frame.camtoworld[1, 3] for frame in frames] == [1.0] * 10


def test_who_waits_while_time_goes_back_gets_a_frame_of_the_new_time(camera, stream, until):
    play(camera, stream, [1040.0])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(stream.next, 10.0, after=1040.0)
        until(waiting.running)
        camera.publish(1000.0, y=1.0)
        frame = waiting.result()
    assert frame.stamp == 1000.0 and frame.camtoworld[1, 3] == 1.0


def test_images_of_the_new_time_never_get_poses_of_the_old_one(camera, stream):
    play(camera, stream, np.arange(1000.0, 1020.0, 1.0))
    camera.publish(1010.0, transforms=False)  # a time for which the old poses are known
    with pytest.raises(FrameError):
        stream.next(1.5, after=1019.0)
    camera.publish(1010.0, y=1.0)
    assert stream.next(10.0, after=1009.0).camtoworld[1, 3] == 1.0


@pytest.mark.parametrize(("backlog", "stamps"), [(1, [1004.0]), (3, [1002.0, 1003.0, 1004.0])])
def test_who_is_late_gets_the_frames_that_are_kept_in_turn(camera, stream, stamps):
    play(camera, stream, np.arange(1000.0, 1005.0))
    after, got = 999.0, []
    while after < 1004.0:
        got.append(after := stream.next(10.0, after=after).stamp)
    assert got == stamps


@pytest.mark.parametrize("backlog", [9])
def test_a_frame_without_transform_does_not_keep_up_those_after_it(camera, stream, until):
    camera.publish(1000.0, camera="nobody_knows")
    play(camera, stream, np.arange(1001.0, 1003.0))
    assert stream.next(10.0, after=999.0).stamp == 1001.0


def test_a_scan_ends_when_time_goes_back_and_keeps_what_it_has(camera, stream, until, tmp_path):
    states, problems = [], []

    def report(state, problem):
        states.append(state)
        problems.append(problem)

    recording = Recording(tmp_path / "scan", stream, CONFIG.scan, report)
    for stamp in np.arange(1030.0, 1034.0, 0.5):
        camera.publish(stamp)
        until(lambda stamp=stamp: states and states[-1].keyframes >= (stamp - 1030.0) * 2)
    for stamp in np.arange(1000.0, 1004.0, 0.5):
        camera.publish(stamp, y=1.0)
    until(lambda: not states[-1].recording)
    assert "time went back" in states[-1].last_error == problems[-1]
    assert not any(problems[:-1])
    assert "time went back" in recording.ended
    status = recording.stop()
    scan = Scan.open(tmp_path / "scan")
    assert len(scan) == status.keyframes >= 7
    assert all(frame.camtoworld[1, 3] == 0.0 for frame in scan)


def test_images_that_are_published_compressed_only_are_used(spin, stream, until):
    camera = Publisher(spin("camera"), compressed=True)
    until(lambda: camera.color.get_subscription_count() and camera.depth.get_subscription_count())
    camera.publish(1000.0)
    frame = stream.next(10.0, after=999.0)
    assert np.array_equal(frame.rgb, RGB) and np.allclose(frame.depth, DEPTH)


def test_a_camera_info_of_zeros_is_waited_out(camera, stream):
    for stamp, intrinsics in ((1000.0, K * 0.0), (1000.1, K)):
        camera.publish(stamp, K=intrinsics)
    frame = stream.next(10.0, after=999.0)
    assert np.allclose(frame.K, K)


def test_a_camera_info_of_zeros_alone_is_named(camera, stream):
    camera.publish(1000.0, K=K * 0.0)
    with pytest.raises(FrameError, match="focal lengths must be positive"):
        stream.next(0.5, after=999.0)


def test_the_camera_info_of_a_camera_that_is_gone_is_not_used(spin, stream, camera, until):
    play(camera, stream, [1000.0])
    camera.node.destroy_publisher(camera.info)
    stamps = iter(np.arange(1001.0, 2000.0))

    def is_named():
        stamp = next(stamps)
        head = header(CAMERA, stamp)
        camera.tf.publish(
            TFMessage(
                transforms=[
                    transform_stamped("map", "base_link", stamp, np.eye(4)),
                    transform_stamped("base_link", CAMERA, stamp, np.eye(4)),
                ]
            )
        )
        camera.color.publish(images.image_message(RGB, "rgb8", head))
        camera.depth.publish(images.depth_message(DEPTH, head))
        try:
            stream.next(0.5, after=stamp - 0.01)
        except FrameError as error:
            return "camera_info" in str(error)

    until(is_named)


def test_a_world_that_is_not_level_is_named(camera, stream):
    base = se3(rpy_to_matrix([0.0, np.radians(20.0), 0.0]), [0.0, 0.0, 0.0])
    camera.publish(1000.0, base=base)
    stream.next(10.0, after=999.0)
    assert "map is not level: base_link leans by 20.0 degrees" in stream.level_problem()
    camera.publish(1001.0)
    stream.next(10.0, after=1000.0)
    assert stream.level_problem() is None


DEPTH_FRAME = "camera_depth_optical_frame"


def test_depth_that_is_not_registered_is_registered_by_tf_and_its_camera_info(
    camera, stream, spin, until
):
    node = spin("depth_camera")
    T = np.eye(4)
    T[0, 3] = 0.1  # 6 px at 0.5 m
    mount = transform_stamped(CAMERA, DEPTH_FRAME, 1000.0, T)
    static = node.create_publisher(TFMessage, "/tf_static", TF_STATIC)
    static.publish(TFMessage(transforms=[mount]))
    topic = CONFIG.robot.depth_topic.rpartition("/")[0] + "/camera_info"
    infos = node.create_publisher(CameraInfo, topic, 10)
    camera.publish(1000.0, depth_frame=DEPTH_FRAME)
    with pytest.raises(FrameError, match=f"depth is in frame {DEPTH_FRAME}, .* on /{topic}"):
        stream.next(0.2, after=999.0)
    until(infos.get_subscription_count)
    infos.publish(images.camera_info_message(K, 32, 24, header(DEPTH_FRAME, 1000.0)))
    frame = None
    for stamp in np.arange(1000.1, 1010.0, 0.1):
        camera.publish(stamp, depth_frame=DEPTH_FRAME)
        try:
            frame = stream.next(0.2, after=stamp - 0.05)
            break
        except FrameError:  # the camera info has not come yet
            continue
    assert not frame.depth[:, :6].any() and np.allclose(frame.depth[:, 6:], 0.5)


def test_a_wait_for_a_frame_is_of_simulated_time(context, spin, until):
    """A recording played at a tenth of its speed: the frame comes 0.5 s later by /clock."""
    simulated = Parameter("use_sim_time", value=True)
    owner = rclpy.create_node("owner", context=context, parameter_overrides=[simulated])
    inputs = InputNode(owner)
    tree = subscribe_transforms(inputs, TopicMonitor(inputs))
    stream = RgbdSubscriber(inputs, CONFIG, tree, TopicMonitor(inputs))
    node = spin("camera")
    clock = node.create_publisher(Clock, "/clock", 10)
    camera = Publisher(node)

    def show(seconds):
        clock.publish(Clock(clock=to_stamp(seconds)))
        return inputs.elapsed() >= seconds - 1000.0

    try:
        until(camera.color.get_subscription_count)
        until(lambda: show(1000.0) and inputs.get_clock().now().nanoseconds)
        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(stream.next, 0.6, after=999.0)
            for seconds in np.arange(1000.0, 1000.55, 0.05):
                until(lambda seconds=seconds: show(seconds))
                time.sleep(0.1)  # 1.2 s in all, twice the timeout
            until(lambda: camera.publish(1000.5) or waiting.done())
        assert waiting.result().stamp == 1000.5
    finally:
        stream.close()
        inputs.destroy_node()
        owner.destroy_node()
