"""Answers texts from a memory, confirmed by the camera: service /m3/query."""

from __future__ import annotations

from pathlib import Path

from geometry_msgs.msg import PoseStamped
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import Image, PointCloud2
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import MarkerArray

from m3_ros.capture.messages import to_rgb
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.nodes.conversions import header
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.latency import Latency
from m3_ros.nodes.newest_memory import NewestMemory, NoMemory
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.query_messages import Headers, fill_response, gaussians_message, topic_messages
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber
from m3_ros.nodes.runtime import run_node
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import subscribe_transforms
from m3_ros.srv import Query

Response = Query.Response
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
RELOAD_PERIOD = 1.0  # s between looks whether there is a new memory on disk
FRAME_TIMEOUT = 1.0  # s a query waits for a camera frame


class QueryNode(Node):
    """Asks the newest memory on disk and confirms the answer in the newest frame."""

    def __init__(self) -> None:
        super().__init__("query")
        groups = ("robot", "storage", "scan", "features", "memory", "query")
        self._config = declare_settings(self, *groups)
        folder = Path(self._config.storage.memory).expanduser()
        self._memory = NewestMemory(folder, self._config)
        self._shown: SpatialMemory | None = None
        inputs = self._inputs = InputNode(self)
        monitor = TopicMonitor(inputs)
        tree = subscribe_transforms(inputs, monitor)
        self._stream = RgbdSubscriber(inputs, self._config, tree, monitor)
        topics = {
            "grasp_target": PoseStamped,
            "detections": Detection3DArray,
            "heatmap": Image,
            "relevancy": PointCloud2,
            "gaussians": PointCloud2,
            "markers": MarkerArray,
        }
        self._out = {
            name: self.create_publisher(kind, f"/m3/{name}", LATCHED)
            for name, kind in topics.items()
        }
        self._latency = Latency(self)
        group = MutuallyExclusiveCallbackGroup()  # one query at a time; others wait
        self.create_service(Query, "/m3/query", self._answer, callback_group=group)
        self.create_timer(
            RELOAD_PERIOD, self._refresh, callback_group=MutuallyExclusiveCallbackGroup()
        )

    def destroy_node(self) -> None:
        """Let a waiting query give up."""
        self._stream.close()
        self._inputs.destroy_node()
        super().destroy_node()

    def _refresh(self) -> None:
        """Load a new memory before somebody asks, and show its Gaussians."""
        try:
            memory = self._memory.localizer().memory
        except NoMemory as error:
            self.get_logger().warning(str(error), throttle_duration_sec=30.0)
            return
        if memory is self._shown:
            return
        self._shown = memory
        self._out["gaussians"].publish(gaussians_message(memory, header(memory.frame_id)))
        self.get_logger().info(f"{len(memory.gaussians)} Gaussians loaded")

    def _answer(self, request: Query.Request, response: Response) -> Response:
        try:
            with self._latency.measured():
                self._query(request, response)
        except NoMemory as error:
            response.error_code, response.error_msg = Response.NO_MEMORY, str(error)
        except ValueError as error:
            response.error_code, response.error_msg = Response.INVALID_QUERY, str(error)
        except Exception as error:  # whatever it is, the node lives and the client is told
            response.error_code, response.error_msg = Response.FAILED, str(error)
            self.get_logger().error(f"the query failed: {type(error).__name__}: {error}")
        return response

    def _query(self, request: Query.Request, response: Response) -> None:
        asked = request.text
        if not asked and request.image.height:
            asked = to_rgb(request.image)
        localizer = self._memory.localizer()
        frame, blind = None, ""
        try:
            frame = self._stream.next(timeout=FRAME_TIMEOUT)
        except FrameError as error:
            blind = f"answered without the camera: {error}"
            self.get_logger().warning(blind, throttle_duration_sec=5.0)
        result = localizer.locate(asked, frame)
        stamp = frame.stamp if frame else 0.0
        heads = Headers(
            header(localizer.memory.frame_id, stamp),
            header(self._config.robot.camera_frame, stamp),
        )
        fill_response(response, result, heads)
        response.error_msg = "; ".join(text for text in (result.message, blind) if text)
        for name, message in topic_messages(result, frame, localizer.memory, heads).items():
            self._out[name].publish(message)


def main() -> int:
    """Run the node until Ctrl-C."""
    return run_node(QueryNode)
