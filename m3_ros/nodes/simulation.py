"""A simulated robot in front of a table: publishes and obeys what the real robot does.

The truth is only on /simulation/..., which no part of the pipeline reads. Stamps are the
system's clock, which with `use_sim_time` it publishes on /clock. `controllers.py` takes the
commands, `simulated_camera.py` publishes the pictures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from nav_msgs.msg import Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from m3_ros.errors import M3Error
from m3_ros.geometry import inverse
from m3_ros.nodes.controllers import Controllers
from m3_ros.nodes.conversions import (
    joint_state_message,
    odometry_message,
    to_stamp,
    transforms_message,
)
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.received import DroppingNode
from m3_ros.nodes.runtime import run_node
from m3_ros.nodes.simulated_camera import SimulatedCamera
from m3_ros.robot_model import load_robot
from m3_ros.sim.simulation import Odometry as Estimate
from m3_ros.sim.simulation import Simulation

TRUTH_PERIOD = 0.1  # s between poses on /simulation/ground_truth, 20 in the demo's hold
MAX_LAG = 0.1  # s the physics may lag behind the clock: five joint states at the default rate


class SimulationFailed(M3Error, RuntimeError):
    """Physics or camera stopped; the message says why."""


class SimulationNode(DroppingNode):
    """Step the physics in one thread and render in another; callbacks take the commands."""

    def __init__(self) -> None:
        super().__init__("simulation")
        config = declare_settings(self, "robot", "simulation")
        self._names, self._settings = config.robot, config.simulation
        robot_model = load_robot(config.robot)
        self._simulation = Simulation(config.simulation, robot_model=robot_model)
        self._camera = SimulatedCamera(self, self._simulation, self._names)
        self._joints = self.create_publisher(JointState, self._names.joint_states_topic, 10)
        self._odometry = self.create_publisher(Odometry, self._settings.odometry_topic, 10)
        self._tf = self.create_publisher(TFMessage, "/tf", 100)
        self._truth = self.create_publisher(TFMessage, "simulation/ground_truth", 10)
        # Only then: two simulations on one machine would contradict each other.
        sim_time = self.get_parameter("use_sim_time").value
        self._ticker = self.create_publisher(Clock, "/clock", 10) if sim_time else None
        self._epoch = self._now() - self._simulation.time
        self._publish_model()
        self._controllers = Controllers(self, self._simulation, self._names, lambda: self._epoch)
        self._ending = threading.Event()
        self._failure: Exception | None = None
        self._failed = self.create_guard_condition(self._raise_failure)
        self._threads = [
            threading.Thread(target=self._work, args=(loop,)) for loop in (self._run, self._render)
        ]
        for thread in self._threads:
            thread.start()
        objects = ", ".join(item.name for item in self._simulation.world.scene.objects)
        self.get_logger().info(f"on the table: {objects}")

    def destroy_node(self) -> None:
        """End both threads, then the node."""
        self._ending.set()
        for thread in self._threads:
            thread.join()
        super().destroy_node()

    def _work(self, loop: Callable[[], None]) -> None:
        """Run a thread's loop; when it fails, the node ends."""
        try:
            loop()
        except Exception as error:
            if self.context.ok():  # otherwise the node is ending and cannot publish
                self.get_logger().fatal(f"{type(error).__name__}: {error}")
                self._failure = error
                self._failed.trigger()

    def _raise_failure(self) -> None:
        """Raise in the thread that spins, which ends the process with a failure status."""
        raise SimulationFailed(str(self._failure)) from self._failure

    def _now(self) -> float:
        return time.time()  # the node's clock, with `use_sim_time` as well: it is what it tells

    def _publish_model(self) -> None:
        """Publish, as robot_state_publisher does, the URDF and the links that do not move."""
        self._description = self.create_publisher(String, "robot_description", LATCHED)
        urdf = self._simulation.robot_model.urdf.read_text()
        self._description.publish(String(data=urdf))
        fixed = self._simulation.robot.link_transforms(self._simulation.robot.home, fixed=True)
        self._mounts = self.create_publisher(TFMessage, "/tf_static", LATCHED)
        self._mounts.publish(transforms_message(fixed, self._now()))

    def _run(self) -> None:
        """Step the physics in real time and publish joints, odometry and the truth."""
        period, told, estimated = 1.0 / self._settings.joint_rate, -1.0, -1.0
        while not self._ending.wait(max(0.0, self._simulation.time + period - self._elapsed())):
            lag = self._elapsed() - self._simulation.time - period
            if lag > MAX_LAG:
                self._epoch += lag
                self.get_logger().warning(
                    f"physics is {lag:.2f} s behind: slow motion", throttle_duration_sec=10.0
                )
            self._simulation.step_until(self._simulation.time + period)
            joints, odometry = self._simulation.joint_state(), self._simulation.odometry()
            links = self._simulation.robot.link_transforms(joints.positions, fixed=False)
            if odometry.stamp > estimated:
                estimated = odometry.stamp
                self._publish_odometry(odometry)
            stamp = self._epoch + joints.stamp
            if self._ticker:
                self._ticker.publish(Clock(clock=to_stamp(stamp)))
            self._joints.publish(
                joint_state_message(joints, self._simulation.robot_model.joints, stamp)
            )
            self._tf.publish(transforms_message(links, stamp))
            if joints.stamp - told >= TRUTH_PERIOD:
                told = joints.stamp
                truth = self._simulation.ground_truth()
                poses = {(self._names.world_frame, name): T for name, T in truth.items()}
                self._truth.publish(transforms_message(poses, stamp))

    def _elapsed(self) -> float:
        return self._now() - self._epoch

    def _publish_odometry(self, estimate: Estimate) -> None:
        """Publish the pose as a topic, and in TF as REP-105 has it: map -> odom -> base_link."""
        world, odom, base = (
            self._names.world_frame,
            self._settings.odom_frame,
            self._names.base_frame,
        )
        stamp, T_map_base = self._epoch + estimate.stamp, estimate.T_map_base
        message = odometry_message(world, base, stamp, T_map_base, estimate.velocity)
        self._odometry.publish(message)
        edges = {(world, base): T_map_base}
        if odom:
            T_odom_base = inverse(estimate.T_map_odom) @ T_map_base
            edges = {(world, odom): estimate.T_map_odom, (odom, base): T_odom_base}
        self._tf.publish(transforms_message(edges, stamp))

    def _render(self) -> None:
        """Publish the camera's frames at its rate, or as fast as this machine renders."""
        begun, period = self._now(), 1.0 / self._settings.camera_rate
        while not self._ending.wait(max(0.0, begun + period - self._now())):
            begun = self._now()
            self._camera.publish(self._epoch)
        self._simulation.close()


def main() -> None:
    """Run the node until Ctrl-C."""
    run_node(SimulationNode)
