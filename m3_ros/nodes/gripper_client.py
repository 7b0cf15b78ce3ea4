"""Goals for ros2_control's gripper controllers, the parallel one and the older one."""

from __future__ import annotations

from collections.abc import Callable

from action_msgs.msg import GoalStatus
from control_msgs.action import GripperCommand, ParallelGripperCommand
from control_msgs.msg import GripperCommand as GripperCommandMessage
from rclpy.node import Node
from sensor_msgs.msg import JointState as JointStateMessage

from m3_ros.config import M3Config
from m3_ros.grasp.robot import RobotError
from m3_ros.nodes.controller_action import ControllerAction
from m3_ros.nodes.motion_loop import MotionLoop

ACTIONS = {"parallel": ParallelGripperCommand, "gripper_command": GripperCommand}


class GripperClient:
    """Moves the gripper's joint by its controller's action, which alone says how it ended.

    Args:
        inputs: carries the action's client.
        controller: name that its action begins with.
        joint: name that it knows.
        loop: waits of motions.
        config: kind of the action (`robot`) and times (`motion`).

    Attributes:
        action: of the controller.
    """

    def __init__(
        self, inputs: Node, controller: str, joint: str, loop: MotionLoop, config: M3Config
    ) -> None:
        self._joint, self._limits, self._loop = joint, config.motion, loop
        self.action = ControllerAction(
            inputs,
            ACTIONS[config.robot.gripper_action],
            controller,
            "gripper_cmd",
            loop,
            config.motion.controller_timeout,
            (joint,),
        )

    def move(
        self, position: float, max_effort: float, max_speed: float, cancelled: Callable[[], bool]
    ) -> None:
        """Move to a position (rad or m), or until something stops the jaws.

        Args:
            position: rad or m.
            max_effort: N m or N.
            max_speed: rad/s or m/s; an older controller has a speed of its own.
            cancelled: ends the motion when true; the jaws stop.

        Raises:
            RobotError: the controller is missing, rejects, dies or gives up.
        """
        if not self.action.wait_ready(cancelled):
            raise self.action.missing()
        duration = abs(position - self._loop.joint_state().gripper) / max_speed
        goal = self._goal(position, max_effort, max_speed)
        answer = self.action.run(goal, duration, self._limits.gripper_timeout, cancelled)
        if answer.result.reached_goal or answer.result.stalled:
            return
        if answer.status != GoalStatus.STATUS_SUCCEEDED:
            raise RobotError(
                f"{self.action.name} gave up the goal {position:.3f}: neither reached nor "
                "stalled; another node may have replaced it"
            )

    def stop(self) -> None:
        """Cancel the goal under way, if any: the jaws stop."""
        self.action.stop()

    def _goal(self, position: float, max_effort: float, max_speed: float) -> object:
        if self.action.type is GripperCommand:
            command = GripperCommandMessage(position=position, max_effort=max_effort)
            return GripperCommand.Goal(command=command)
        command = JointStateMessage(
            name=[self._joint],
            position=[position],
            velocity=[max_speed],
            effort=[max_effort],
        )
        return ParallelGripperCommand.Goal(command=command)
