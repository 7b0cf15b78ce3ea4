from types import SimpleNamespace

import numpy as np
import pytest
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Pose, Quaternion, Transform
from sensor_msgs.msg import JointState

from m3_ros.capture import messages
from m3_ros.geometry import rpy_to_matrix, se3
from m3_ros.grasp.robot import JointTrajectory
from m3_ros.nodes import conversions

ARM_JOINTS = tuple(f"joint{i}" for i in range(1, 7))

T = se3(rpy_to_matrix([0.1, -0.2, 0.3]), [1.0, 2.0, 3.0])


def test_time_round_trip_keeps_nanoseconds():
    for stamp in (Time(sec=5, nanosec=999_999_999), Time(sec=0, nanosec=1)):
        assert conversions.to_stamp(messages.to_seconds(stamp)) == stamp
    assert messages.to_seconds(Duration(sec=1, nanosec=500_000_000)) == 1.5


def test_poses_survive_a_round_trip_and_quaternions_are_xyzw():
    assert np.allclose(messages.to_pose(conversions.pose_message(T)), T)
    assert np.allclose(messages.to_pose(conversions.transform_message(T)), T)
    quarter = se3(rpy_to_matrix([0.0, 0.0, np.pi / 2]), [0.0, 0.0, 0.0])
    rotation = conversions.pose_message(quarter).orientation
    assert np.allclose(
        [rotation.x, rotation.y, rotation.z, rotation.w], [0, 0, 0.5**0.5, 0.5**0.5]
    )


def test_a_quaternion_without_length_is_refused():
    pose = Pose(orientation=Quaternion(x=0.0, y=0.0, z=0.0, w=0.0))
    with pytest.raises(messages.ConversionError, match="must be a rotation"):
        messages.to_pose(pose)
    assert np.allclose(messages.to_pose(Transform()), np.eye(4))


def test_stamped_messages_carry_their_frames():
    message = conversions.transform_stamped("map", "base_link", 2.5, T)
    assert (message.header.frame_id, message.child_frame_id) == ("map", "base_link")
    assert messages.to_seconds(message.header.stamp) == 2.5
    assert conversions.pose_stamped("map", Time(sec=3), T).header.stamp.sec == 3


def test_joint_state_is_read_by_name_in_any_order():
    names = ["jaw", "FL_hip_joint", *reversed(ARM_JOINTS)]
    message = JointState(name=names, position=[float(i) for i in range(8)])
    state = conversions.to_joint_state(message, (*ARM_JOINTS, "jaw"))
    assert state.positions.tolist() == [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 0.0]
    assert state.velocities.tolist() == [0.0] * 7


def test_a_missing_joint_is_named():
    message = JointState(name=list(ARM_JOINTS), position=[0.0] * 6)
    with pytest.raises(messages.ConversionError, match="jaw"):
        conversions.to_joint_state(message, (*ARM_JOINTS, "jaw"))


def test_a_trajectory_message_has_every_point_and_no_effort():
    rng = np.random.default_rng(0)
    times = np.array([0.0, 0.25, 1.5])
    trajectory = JointTrajectory(rng.normal(size=(3, 6)), rng.normal(size=(3, 6)), times)
    message = conversions.trajectory_message(trajectory, ARM_JOINTS)
    assert tuple(message.joint_names) == ARM_JOINTS
    assert np.array_equal([point.positions for point in message.points], trajectory.positions)
    assert np.array_equal([point.velocities for point in message.points], trajectory.velocities)
    found = [messages.to_seconds(point.time_from_start) for point in message.points]
    assert np.array_equal(found, times)
    assert not any(len(point.effort) for point in message.points)


def test_a_holding_message_is_one_point_at_rest_ahead():
    message = conversions.holding_message(ARM_JOINTS, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0])
    (point,) = message.points
    assert tuple(message.joint_names) == ARM_JOINTS
    assert list(point.positions) == list(range(6)) and list(point.velocities) == [0.0] * 6
    assert 0.0 < messages.to_seconds(point.time_from_start) < 0.3


def test_detections_carry_box_score_and_covariance():
    box = SimpleNamespace(center=T[:3, 3], rotation=T[:3, :3], size=np.array([0.1, 0.2, 0.3]))
    target = SimpleNamespace(label="duck", score=0.8, box=box, position_stddev=0.01)
    message = conversions.detections_message([target], conversions.header("map", 1.0))
    found = message.detections[0]
    assert np.allclose(messages.to_pose(found.bbox.center), T)
    assert (found.bbox.size.x, found.bbox.size.z) == (0.1, 0.3)
    hypothesis = found.results[0].hypothesis
    assert (hypothesis.class_id, hypothesis.score) == ("duck", 0.8)
    covariance = np.reshape(found.results[0].pose.covariance, (6, 6))
    assert np.allclose(covariance[:3, :3], np.eye(3) * 1e-4)
