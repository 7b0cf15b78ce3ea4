"""Serves a page in the browser that shows the running stack, asks it and steers it."""

from __future__ import annotations

import time

import numpy as np
from action_msgs.msg import GoalStatusArray
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock, ClockType
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import Marker, MarkerArray

from m3_ros.capture.messages import to_pose, to_rgb
from m3_ros.capture.transform_buffer import TransformError
from m3_ros.config import ViewerConfig
from m3_ros.nodes.images import to_columns
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.orders import ACTIONS, NodeOrders
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.received import DroppingNode
from m3_ros.nodes.runtime import run_node
from m3_ros.nodes.stack import TF_REMAPPINGS
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import subscribe_transforms
from m3_ros.view.page.live_page import LivePage
from m3_ros.view.page.robot_shapes import shapes
from m3_ros.view.page.server import LOCAL, open_server

POSE_PERIOD = 0.2  # s between poses on the page
PICTURE_PERIOD = 0.7  # s between pictures: 15 kB each are a quarter of 100 kB/s
LAMP_PERIOD = 1.0  # s, of diagnostics
LAMP_AGE = 5.0  # s after which a status that is not repeated is shown as silent
STALE = 3  # of diagnostic_msgs
ENDED = 4  # GoalStatus from which on a goal has ended


class ViewerNode(DroppingNode):
    """Show robot, camera, memory, answers, phases and diagnostics on a page.

    Args:
        options: as of `rclpy.node.Node`.
    """

    def __init__(self, **options: object) -> None:
        super().__init__("viewer", **options)
        config = declare_settings(self, "robot", "viewer")
        self._robot, settings = config.robot, config.viewer
        control = settings.allow_control or settings.host in LOCAL
        self._orders = orders = NodeOrders(self)
        self._server = open_server(settings.host, settings.port, "m3_ros")
        self._page = page = LivePage(self._server, orders, control)
        orders.tell, orders.planned = page.tell, page.planned
        self._inputs = InputNode(self)
        self._tree = subscribe_transforms(self._inputs, TopicMonitor(self._inputs))
        self._info: CameraInfo | None = None
        self._shown_camera = np.zeros((4, 4))
        self._picture_time = 0.0
        self._lamps: dict[str, tuple[float, int, str]] = {}
        self._subscribe()
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._inputs.create_timer(POSE_PERIOD, self._show_poses, clock=steady)
        self._inputs.create_timer(LAMP_PERIOD, self._show_lamps, clock=steady)
        self.get_logger().info(f"open {self._server.address}")

    def _subscribe(self) -> None:
        inputs, page, sensor = self._inputs, self._page, qos_profile_sensor_data
        for kind, topic, receive, qos in (
            (String, "robot_description", lambda m: page.robot(shapes(m.data)), LATCHED),
            (CameraInfo, self._robot.camera_info_topic, self._keep_info, sensor),
            (Image, self._robot.color_topic, self._show_camera, sensor),
            (Image, "m3/heatmap", lambda m: page.picture("Heat map", to_rgb(m)), LATCHED),
            (PointCloud2, "m3/gaussians", self._show_memory, LATCHED),
            (MarkerArray, "m3/markers", self._show_boxes, LATCHED),
            (MarkerArray, "m3/motion_markers", self._show_motion, LATCHED),
            (PoseStamped, "m3/grasp_target", lambda m: page.target(to_pose(m.pose)), LATCHED),
            (DiagnosticArray, "/diagnostics", self._keep_lamps, 10),
        ):
            inputs.create_subscription(kind, topic, receive, qos)
        for name, kind in ACTIONS.items():
            action = f"m3/{name}/_action"
            inputs.create_subscription(
                kind.Impl.FeedbackMessage,
                f"{action}/feedback",
                lambda message, name=name: self._show_phase(name, message.feedback),
                10,
            )
            inputs.create_subscription(
                GoalStatusArray,
                f"{action}/status",
                lambda message, name=name: self._end_phase(name, message),
                LATCHED,
            )

    def _keep_info(self, message: CameraInfo) -> None:
        self._info = message

    def _show_camera(self, message: Image) -> None:
        now = time.monotonic()
        if now - self._picture_time >= PICTURE_PERIOD:
            self._picture_time = now
            self._page.picture("Camera", to_rgb(message))

    def _show_memory(self, message: PointCloud2) -> None:
        columns = to_columns(message, "x", "y", "z", "rgb")
        packed = np.ascontiguousarray(columns[:, 3]).view(np.uint32)
        colors = np.stack([packed >> 16, packed >> 8, packed], 1).astype(np.uint8)
        self._page.memory(columns[:, :3], colors)

    def _show_boxes(self, message: MarkerArray) -> None:
        labels = {m.id: m.text for m in message.markers if m.type == Marker.TEXT_VIEW_FACING}
        self._page.boxes(
            [
                (
                    to_pose(m.pose),
                    np.array([m.scale.x, m.scale.y, m.scale.z]),
                    labels.get(m.id, ""),
                )
                for m in message.markers
                if m.type == Marker.CUBE and m.action == Marker.ADD
            ]
        )

    def _show_motion(self, message: MarkerArray) -> None:
        lines, texts = [], []
        for m in message.markers:
            color = tuple(round(255 * part) for part in (m.color.r, m.color.g, m.color.b))
            if m.type == Marker.TEXT_VIEW_FACING:
                texts.append((m.text, to_pose(m.pose)[:3, 3]))
            elif m.type in (Marker.LINE_LIST, Marker.LINE_STRIP):
                points = np.array([[p.x, p.y, p.z] for p in m.points])
                pairs = (
                    points.reshape(-1, 2, 3)
                    if m.type == Marker.LINE_LIST
                    else (np.stack([points[:-1], points[1:]], 1))
                )
                lines.append((pairs, color))
        self._page.motion(lines, texts)

    def _show_phase(self, action: str, feedback: object) -> None:
        if action == "scan_motion":
            done = f"{feedback.visited} of {feedback.total} views, {feedback.skipped} skipped"
        else:
            done = f"{feedback.stage} {feedback.progress:.0%}"
        self._page.phase(action, done)

    def _end_phase(self, action: str, message: GoalStatusArray) -> None:
        if all(status.status >= ENDED for status in message.status_list):
            self._page.phase(action, None)

    def _keep_lamps(self, message: DiagnosticArray) -> None:
        now = time.monotonic()
        for status in message.status:
            self._lamps[status.name] = now, ord(status.level), status.message

    def _show_lamps(self) -> None:
        now, states = time.monotonic(), {}
        for name, (stamp, level, text) in list(self._lamps.items()):
            if now - stamp < LAMP_AGE:
                states[name] = level, text
            else:  # one line for a node that has ended or hangs
                states.setdefault(f"{name.partition(': ')[0]}: silent", (STALE, ""))
        if states:
            self._page.lamps(states)

    def _show_poses(self) -> None:
        world = self._robot.world_frame
        for link in self._page.links:
            try:
                self._page.pose(link, self._tree.lookup(world, link))
            except TransformError:
                continue  # diagnostics say which frames are missing
        if self._info is None:
            return
        try:
            pose = self._tree.lookup(world, self._info.header.frame_id)
        except TransformError:
            return
        if np.abs(pose - self._shown_camera).max() > 1e-3:
            self._shown_camera = pose
            K = np.array(self._info.k).reshape(3, 3)
            self._page.camera(pose, K, (self._info.width, self._info.height))

    def destroy_node(self) -> None:
        """End the page, then the node."""
        self._server.stop()
        super().destroy_node()


def create(settings: ViewerConfig, namespace: str) -> ViewerNode:
    """Return the node with settings, in the namespace of a robot, which has a TF of its own."""
    given = [Parameter(f"viewer.{name}", value=value) for name, value in vars(settings).items()]
    if not namespace:
        return ViewerNode(parameter_overrides=given)
    renamed = [part for old, new in TF_REMAPPINGS for part in ("-r", f"{old}:={new}")]
    arguments = ["--ros-args", *renamed]
    return ViewerNode(parameter_overrides=given, namespace=namespace, cli_args=arguments)


def main() -> None:
    """Run the node until Ctrl-C."""
    run_node(ViewerNode)
