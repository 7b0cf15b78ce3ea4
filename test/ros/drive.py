"""Drive the base forward for a long way."""

from rclpy.node import Node

from m3_ros.config import M3Config, MotionConfig
from m3_ros.geometry import planar_pose
from m3_ros.grasp.robot import RobotError
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.nodes.runtime import run_node
from m3_ros.robot_model import load_robot

MOTION = MotionConfig(start_timeout=60.0, hang_timeout=10.0)


class Driver(Node):
    def __init__(self):
        super().__init__("driver")
        self.robot = RosRobot(self, M3Config(motion=MOTION), load_robot())
        self.timer = self.create_timer(0.1, self.drive)

    def drive(self):
        """Begin when the base's pose is known: it comes when the nodes have found one another."""
        try:
            self.robot.base_pose()
        except RobotError:
            return
        self.timer.cancel()
        self.robot.move_base(self.robot.base_pose() @ planar_pose(-2.0, 0.0, 0.0), 0.4, 0.4)


run_node(Driver)
