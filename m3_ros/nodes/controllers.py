"""The simulated robot's controllers: ros2_control's topics, actions and services, and cmd_vel.

- `{arm controller}/joint_trajectory` and `/follow_joint_trajectory`
- `{gripper controller}/gripper_cmd`
- `controller_manager/list_controllers`
- cmd_vel, as the setting says
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from control_msgs.action import FollowJointTrajectory, GripperCommand, ParallelGripperCommand
from control_msgs.msg import JointTolerance as JointToleranceMessage
from controller_manager_msgs.msg import ControllerState
from controller_manager_msgs.srv import ListControllers
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMessage
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from m3_ros.capture.messages import to_seconds
from m3_ros.config import RobotConfig
from m3_ros.grasp.robot import RobotError
from m3_ros.nodes.controller_manager import SERVICE
from m3_ros.nodes.controller_server import ControllerServer, Outcome
from m3_ros.nodes.conversions import header
from m3_ros.nodes.gripper_client import ACTIONS
from m3_ros.sim.gripper_controller import GoalState
from m3_ros.sim.simulation import Simulation
from m3_ros.sim.trajectory_rules import (
    JointTolerance,
    Point,
    ResultCode,
    Trajectory,
    check_trajectory,
    goal_tolerances,
)


class Controllers:
    """Serve a simulation's controllers; what they reject is logged and changes nothing.

    Args:
        node: carries the servers.
        simulation: the robot.
        names: topics and types.
        epoch: returns the ROS time of simulated time zero, s.
    """

    def __init__(
        self, node: Node, simulation: Simulation, names: RobotConfig, epoch: Callable[[], float]
    ) -> None:
        self._node, self._simulation = node, simulation
        robot = simulation.robot_model
        self._names = robot.arm.controller.name, robot.gripper.controller.name
        group = ReentrantCallbackGroup()
        kind = TwistStamped if names.cmd_vel_stamped else Twist
        node.create_subscription(kind, names.cmd_vel_topic, self._drive, 10, callback_group=group)
        node.create_service(ListControllers, SERVICE, self._list, callback_group=group)
        ArmServer(node, simulation, self._names[0], group, epoch)
        GripperServer(node, simulation, self._names[1], group, ACTIONS[names.gripper_action])

    def _drive(self, message: Twist | TwistStamped) -> None:
        twist = message.twist if isinstance(message, TwistStamped) else message
        try:
            self._simulation.set_base_velocity(twist.linear.x, twist.linear.y, twist.angular.z)
        except RobotError as error:
            self._node.get_logger().error(str(error))

    def _list(self, _: object, response: ListControllers.Response) -> ListControllers.Response:
        controllers = self._simulation.arm, self._simulation.gripper
        response.controller = [
            ControllerState(
                name=name.rsplit("/", 1)[-1], state="active" if item.active else "inactive"
            )
            for name, item in zip(self._names, controllers, strict=True)
        ]
        return response


class ArmServer(ControllerServer):
    """joint_trajectory_controller's action and topic."""

    def __init__(
        self, node: Node, simulation: Simulation, name: str, group: ReentrantCallbackGroup,
        epoch: Callable[[], float],
    ) -> None:  # fmt: skip
        super().__init__(node, FollowJointTrajectory, f"{name}/follow_joint_trajectory", group)
        self._simulation, self._epoch = simulation, epoch
        node.create_subscription(
            JointTrajectory, f"{name}/joint_trajectory", self._receive, 10, callback_group=group
        )

    def check(self, request: FollowJointTrajectory.Goal) -> None:
        arm = self._simulation.arm
        if not arm.active:
            raise RobotError("the controller is not active")
        trajectory = _trajectory(request.trajectory, self._epoch())
        check_trajectory(trajectory, arm.parameters, self._simulation.time)

    def start(self, request: FollowJointTrajectory.Goal) -> None:
        tolerances = goal_tolerances(
            self._simulation.arm.parameters,
            _tolerances(request.path_tolerance),
            _tolerances(request.goal_tolerance),
            to_seconds(request.goal_time_tolerance),
        )
        trajectory = _trajectory(request.trajectory, self._epoch())
        self._simulation.start_arm(trajectory, is_goal=True, tolerances=tolerances)

    def outcome(self) -> Outcome | None:
        ended = self._simulation.arm.result
        if ended is None:
            return None
        code, why = ended
        result = FollowJointTrajectory.Result(error_code=int(code), error_string=why)
        return Outcome("succeed" if code is ResultCode.SUCCESSFUL else "abort", result)

    def preempted(self) -> Outcome:
        why = "Current goal preempted by new incoming action."
        code = FollowJointTrajectory.Result.INVALID_GOAL
        result = FollowJointTrajectory.Result(error_code=code, error_string=why)
        return Outcome("abort", result)

    def stop(self) -> Outcome:
        self._simulation.stop_arm()
        return Outcome("canceled", FollowJointTrajectory.Result())

    def feedback(self) -> FollowJointTrajectory.Feedback:
        joints = self._simulation.joint_state()
        position, velocity = self._simulation.arm.set_point(joints.stamp)
        error = position - joints.arm
        return FollowJointTrajectory.Feedback(
            header=header("", self._epoch() + joints.stamp),
            joint_names=list(self._simulation.arm.parameters.joints),
            desired=JointTrajectoryPoint(
                positions=position.tolist(), velocities=velocity.tolist()
            ),
            actual=JointTrajectoryPoint(
                positions=joints.arm.tolist(), velocities=joints.velocities[:-1].tolist()
            ),
            error=JointTrajectoryPoint(positions=error.tolist()),
        )

    def _receive(self, message: JointTrajectory) -> None:
        try:
            trajectory = _trajectory(message, self._epoch())
            self._simulation.start_arm(trajectory, is_goal=False)
        except RobotError as error:
            self.log_rejection(error)


class GripperServer(ControllerServer):
    """parallel_gripper_action_controller's action, or the older GripperCommand."""

    def __init__(
        self, node: Node, simulation: Simulation, name: str, group: ReentrantCallbackGroup,
        kind: type,
    ) -> None:  # fmt: skip
        super().__init__(node, kind, f"{name}/gripper_cmd", group)
        self._simulation, self._type = simulation, kind

    def check(self, request: ParallelGripperCommand.Goal | GripperCommand.Goal) -> None:
        self._simulation.gripper.check(*self._limits(request))

    def start(self, request: ParallelGripperCommand.Goal | GripperCommand.Goal) -> None:
        self._simulation.start_gripper(*self._limits(request))

    def outcome(self) -> Outcome | None:
        state = self._simulation.gripper.state
        if state is None:
            return None
        return Outcome("succeed" if state is GoalState.SUCCEEDED else "abort", self._result())

    def preempted(self) -> Outcome:
        # The original's ends as canceled, which rclpy allows only after a cancel request.
        return Outcome("abort", self._type.Result())

    def stop(self) -> Outcome:
        self._simulation.stop_gripper()
        return Outcome("canceled", self._type.Result())  # empty, as in the original

    def feedback(self) -> object:
        return self._fill(self._type.Feedback())

    def _limits(
        self, request: ParallelGripperCommand.Goal | GripperCommand.Goal
    ) -> tuple[list[float], list[float], list[float]]:
        """Return position, velocity limit and effort limit, each empty where not given."""
        command = request.command
        if self._type is GripperCommand:
            return [command.position], [], [command.max_effort]
        return list(command.position), list(command.velocity), list(command.effort)

    def _result(self) -> object:
        gripper, result = self._simulation.gripper, self._fill(self._type.Result())
        result.stalled, result.reached_goal = gripper.stalled, gripper.reached_goal
        return result

    def _fill(self, message: object) -> object:
        joints = self._simulation.joint_state()
        if self._type is GripperCommand:
            message.position, message.effort = joints.gripper, float(joints.efforts[-1])
        else:
            message.state = JointStateMessage(
                name=[self._simulation.gripper.parameters.joint],
                position=[joints.gripper],
                velocity=[joints.gripper_velocity],
                effort=[float(joints.efforts[-1])],
            )
        return message


def _tolerances(messages: Sequence[JointToleranceMessage]) -> list[JointTolerance]:
    return [JointTolerance(t.name, t.position, t.velocity, t.acceleration) for t in messages]


def _trajectory(message: JointTrajectory, epoch: float) -> Trajectory:
    """Return a received trajectory, its stamp in seconds since `epoch`; zero stays zero."""
    stamp = to_seconds(message.header.stamp)
    points = [
        Point(
            point.positions, point.velocities, point.accelerations, point.effort,
            to_seconds(point.time_from_start),
        )
        for point in message.points
    ]  # fmt: skip
    return Trajectory(message.joint_names, points, stamp and stamp - epoch)
