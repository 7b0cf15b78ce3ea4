"""Times, poses, joints and detections: the project's arrays to ROS messages, and joints back.

Rotations become quaternions (ROS's order xyzw) by `tf_transformations`. Poses and images are read
in `capture/messages.py`, also without ROS; images and point clouds are made in `images.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import Pose, PoseStamped, Transform, TransformStamped, Vector3
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import JointState as JointStateMessage
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage
from tf_transformations import quaternion_from_matrix
from trajectory_msgs.msg import JointTrajectory as JointTrajectoryMessage
from trajectory_msgs.msg import JointTrajectoryPoint
from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

from m3_ros.capture.messages import ConversionError, to_seconds
from m3_ros.geometry import se3
from m3_ros.grasp.robot import JointState, JointTrajectory

if TYPE_CHECKING:
    from m3_ros.query.result import TargetObject

HOLD_TIME = 0.1
"""Time (s) in which a holding point is reached: a fifth of the time in which the robot must be at
rest after a stop."""

# Time


def _split(seconds: float) -> dict[str, int]:
    nanoseconds = round(seconds * 1e9)
    return {"sec": nanoseconds // 10**9, "nanosec": nanoseconds % 10**9}


def to_stamp(seconds: float) -> Time:
    """Return the stamp message of a time in s."""
    return Time(**_split(seconds))


def header(frame: str, stamp: float | Time = 0.0) -> Header:
    """Return the header of a frame and a stamp (message, or seconds)."""
    return Header(frame_id=frame, stamp=stamp if isinstance(stamp, Time) else to_stamp(stamp))


# Poses


def pose_message(T: NDArray[np.float64]) -> Pose:
    """Return the pose message of `T [4, 4]`."""
    message = Pose()
    _fill(message.position, message.orientation, T)
    return message


def transform_message(T: NDArray[np.float64]) -> Transform:
    """Return the transform message of `T [4, 4]`."""
    message = Transform()
    _fill(message.translation, message.rotation, T)
    return message


def _fill(position: object, rotation: object, T: NDArray[np.float64]) -> None:
    position.x, position.y, position.z = T[:3, 3].tolist()
    xyzw = quaternion_from_matrix(T)
    rotation.x, rotation.y, rotation.z, rotation.w = (float(value) for value in xyzw)


def pose_stamped(frame: str, stamp: float | Time, T: NDArray[np.float64]) -> PoseStamped:
    """Return `T_frame_x [4, 4]` as PoseStamped."""
    return PoseStamped(header=header(frame, stamp), pose=pose_message(T))


def transform_stamped(
    parent: str, child: str, stamp: float | Time, T: NDArray[np.float64]
) -> TransformStamped:
    """Return `T_parent_child [4, 4]` as TransformStamped."""
    return TransformStamped(
        header=header(parent, stamp), child_frame_id=child, transform=transform_message(T)
    )


def transforms_message(
    poses: Mapping[tuple[str, str], NDArray[np.float64]], stamp: float
) -> TFMessage:
    """Return transforms `T_parent_child [4, 4]` by (parent, child), all with one stamp."""
    items = poses.items()
    return TFMessage(transforms=[transform_stamped(*names, stamp, T) for names, T in items])


def odometry_message(
    parent: str, child: str, stamp: float, T: NDArray[np.float64], velocity: Sequence[float]
) -> Odometry:
    """Return `T_parent_child [4, 4]` and vx, vy (m/s), yaw rate (rad/s) in the child's frame."""
    message = Odometry(header=header(parent, stamp), child_frame_id=child)
    message.pose.pose = pose_message(T)
    twist = message.twist.twist
    twist.linear.x, twist.linear.y, twist.angular.z = (float(value) for value in velocity)
    return message


# Joints


def to_joint_state(message: JointStateMessage, joints: Sequence[str]) -> JointState:
    """Return the state of joints, found by name among any others.

    Raises:
        ConversionError: one of the joints is missing.
    """
    index = {name: i for i, name in enumerate(message.name)}
    missing = [name for name in joints if name not in index]
    if missing or len(message.position) < len(message.name):
        raise ConversionError(f"joint state lacks {', '.join(missing) or 'positions'}")
    order = [index[name] for name in joints]

    def column(values: Sequence[float]) -> NDArray[np.float64]:
        full = len(values) == len(message.name)
        return np.asarray(values, np.float64)[order] if full else np.zeros(len(joints))

    stamp = to_seconds(message.header.stamp)
    columns = (column(message.position), column(message.velocity), column(message.effort))
    return JointState(*columns, stamp)


def joint_state_message(
    state: JointState, joints: Sequence[str], stamp: float
) -> JointStateMessage:
    """Return the message of a joint state, stamped anew."""
    return JointStateMessage(
        header=header("", stamp),
        name=list(joints),
        position=state.positions.tolist(),
        velocity=state.velocities.tolist(),
        effort=state.efforts.tolist(),
    )


def trajectory_message(
    trajectory: JointTrajectory, joints: Sequence[str]
) -> JointTrajectoryMessage:
    """Return the message of a trajectory that starts when it is received (stamp zero)."""
    rows = zip(trajectory.times, trajectory.positions, trajectory.velocities, strict=True)
    points = [
        JointTrajectoryPoint(
            positions=position.tolist(),
            velocities=velocity.tolist(),
            time_from_start=Duration(**_split(float(time))),
        )
        for time, position, velocity in rows
    ]
    return JointTrajectoryMessage(joint_names=list(joints), points=points)


def holding_message(joints: Sequence[str], positions: Sequence[float]) -> JointTrajectoryMessage:
    """Return a trajectory of one point, which stops joints `[n]` at positions (rad)."""
    point = JointTrajectoryPoint(
        positions=list(positions),
        velocities=[0.0] * len(joints),
        time_from_start=Duration(**_split(HOLD_TIME)),
    )
    return JointTrajectoryMessage(joint_names=list(joints), points=[point])


# Detections


def vector_message(vector: Sequence[float]) -> Vector3:
    """Return the Vector3 of three numbers."""
    x, y, z = (float(value) for value in vector)
    return Vector3(x=x, y=y, z=z)


def detections_message(targets: Sequence[TargetObject], head: Header) -> Detection3DArray:
    """Return targets with their oriented boxes and position covariances, in `head`'s frame."""
    return Detection3DArray(
        header=head, detections=[_detection(target, head) for target in targets]
    )


def _detection(target: TargetObject, head: Header) -> Detection3D:
    message = Detection3D(header=head)
    message.bbox.center = pose_message(se3(target.box.rotation, target.box.center))
    message.bbox.size = vector_message(target.box.size)
    result = ObjectHypothesisWithPose()
    result.hypothesis.class_id = target.label
    result.hypothesis.score = float(target.score)
    result.pose.pose = pose_message(se3(target.box.rotation, target.box.center))
    covariance = np.zeros((6, 6))
    covariance[:3, :3] = target.position_stddev**2 * np.eye(3)
    result.pose.covariance = covariance.ravel()
    message.results.append(result)
    return message
