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


def test_trajectory_round_trip():
    rng = np.random.default_rng(0)
    times = np.array([0.0, 0.25, 1.5])
    trajectory = JointTrajectory(rng.normal(size=(3, 6)), rng.normal(size=(3, 6)), times)
    message = conversions.trajectory_message(trajectory, ARM_JOINTS)
    back = conversions.to_trajectory(message, ARM_JOINTS)
    assert np.array_equal(back.positions, trajectory.positions)
    assert np.array_equal(back.velocities, trajectory.velocities)
    assert np.array_equal(back.times, times)


def test_a_trajectory_s_joints_may_come_in_any_order():
    rng = np.random.default_rng(1)
    trajectory = JointTrajectory(rng.normal(size=(2, 6)), rng.normal(size=(2, 6)), np.arange(2.0))
    message = conversions.trajectory_message(trajectory, ARM_JOINTS)
    reordered = conversions.to_trajectory(message, ARM_JOINTS[::-1])
    assert np.array_equal(reordered.positions, trajectory.positions[:, ::-1])
    assert np.array_equal(reordered.velocities, trajectory.velocities[:, ::-1])


def test_a_trajectory_of_other_joints_is_refused():
    trajectory = JointTrajectory(np.zeros((2, 6)), np.zeros((2, 6)), np.arange(2.0))
    message = conversions.trajectory_message(trajectory, "abcdef")
    with pytest.raises(messages.ConversionError, match="they must be"):
        conversions.to_trajectory(message, ARM_JOINTS)


def test_a_trajectory_point_with_too_few_positions_is_refused():
    message = conversions.trajectory_message(
        JointTrajectory(np.zeros((2, 6)), np.zeros((2, 6)), np.array([0.0, 1.0])), ARM_JOINTS
    )
    message.points[1].positions = [0.0] * 5
    with pytest.raises(ValueError, match="6 positions"):
        conversions.to_trajectory(message, ARM_JOINTS)


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
