"""Drive the base forward for a long way."""

from rclpy.node import Node

from m3_ros.config import M3Config
from m3_ros.geometry import planar_pose
from m3_ros.nodes.ros_robot import RosRobot
from m3_ros.nodes.runtime import run_node
from m3_ros.robot_model import load_robot


class Driver(Node):
    def __init__(self):
        super().__init__("driver")
        self.robot = RosRobot(self, M3Config(), load_robot())
        self.timer = self.create_timer(2.0, self.drive)

    def drive(self):
        self.timer.cancel()
        self.robot.move_base(self.robot.base_pose() @ planar_pose(-2.0, 0.0, 0.0), 0.4, 0.4)


run_node(Driver)
