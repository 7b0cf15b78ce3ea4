"""Captures posed keyframes between /m3/scan/start and /m3/scan/stop into a scan folder."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_srvs.srv import Trigger

from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.capture.scan import ScanError, ScanWriter
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber
from m3_ros.nodes.runtime import run_node
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import subscribe_transforms

FIRST_FRAME_TIMEOUT = 5.0  # s that start waits for a frame before it says what is missing


class Recording:
    """One scan in progress: a thread that takes the newest frame, keeps keyframes, writes them."""

    def __init__(self, node: CaptureNode, folder: Path) -> None:
        self._node = node
        self._writer = ScanWriter(folder)
        self._selector = KeyframeSelector(node.config.scan)
        self._stopping = threading.Event()
        self.folder = folder
        self.error = ""
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> int:
        """End the scan and return its number of keyframes; an empty scan leaves no folder."""
        self._stopping.set()
        self._thread.join()
        self._writer.close()
        return len(self._writer)

    def _run(self) -> None:
        stamp = None
        config = self._node.config.scan
        while not self._stopping.is_set() and len(self._writer) < config.max_frames:
            try:
                frame = self._node.stream.next(timeout=1.0, after=stamp)
                stamp = frame.stamp
                if self._selector.accept(frame.camtoworld, stamp):
                    self._writer.add(frame)
            except (FrameError, OSError) as error:
                self._node.get_logger().warning(str(error), throttle_duration_sec=2.0)
                self.error = str(error)


class CaptureNode(Node):
    """Services /m3/scan/start and /m3/scan/stop; reports its inputs on /diagnostics."""

    def __init__(self) -> None:
        super().__init__("capture")
        self.config = declare_settings(self, "robot", "storage", "scan")
        inputs = self._inputs = InputNode(self)
        monitor = TopicMonitor(inputs)
        tree = subscribe_transforms(inputs, monitor)
        self.stream = RgbdSubscriber(inputs, self.config, tree, monitor)
        self._recording: Recording | None = None
        group = MutuallyExclusiveCallbackGroup()
        self.create_service(Trigger, "/m3/scan/start", self._start, callback_group=group)
        self.create_service(Trigger, "/m3/scan/stop", self._stop, callback_group=group)

    def destroy_node(self) -> None:
        """Finish a scan in progress: what was captured stays."""
        self.stream.close()
        if self._recording:
            self._recording.stop()
        self._inputs.destroy_node()
        super().destroy_node()

    def _start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if self._recording:
            response.message = f"a scan into {self._recording.folder} is already running"
            return response
        folder = Path(self.config.storage.scans).expanduser() / time.strftime("%Y%m%d-%H%M%S")
        try:
            self.stream.next(timeout=FIRST_FRAME_TIMEOUT)
            self._recording = Recording(self, folder)
        except (FrameError, ScanError, OSError) as error:
            response.message = f"cannot scan: {error}"
            self.get_logger().error(response.message)
            return response
        response.success, response.message = True, str(folder)
        self.get_logger().info(f"scanning into {folder}")
        return response

    def _stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self._recording:
            response.message = "no scan is running; call /m3/scan/start first"
            return response
        recording, self._recording = self._recording, None
        frames = recording.stop()
        response.success = frames > 0
        if frames:
            response.message = f"{frames} keyframes in {recording.folder}"
        else:
            response.message = f"no keyframe was captured: {recording.error or 'too short'}"
        self.get_logger().info(response.message)
        return response


def main() -> int:
    """Run the node until Ctrl-C."""
    return run_node(CaptureNode)
