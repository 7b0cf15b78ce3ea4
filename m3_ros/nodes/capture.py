"""Captures posed keyframes between /m3/scan/start and /m3/scan/stop into a scan folder."""

from __future__ import annotations

import time
from itertools import chain, count
from pathlib import Path

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup

from m3_ros.capture.scan import ScanError
from m3_ros.codes import ScanErrorCode
from m3_ros.files import user_path
from m3_ros.msg import ScanStatus
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.recording import Recording
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber
from m3_ros.nodes.runtime import run_node
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import subscribe_transforms
from m3_ros.srv import StartScan, StopScan

BACKLOG = 60
"""Frames that are kept while a keyframe is written: two seconds at 30 Hz, 92 MB at 640 x 480. With
the newest one alone a machine of load 20 lost 6 of 1793 keyframes."""


class CaptureNode(ManagedNode):
    """Serve /m3/scan/start and /m3/scan/stop; publish /m3/scan_status and /diagnostics."""

    def __init__(self) -> None:
        super().__init__("capture", "robot", "storage", "scan")
        inputs = self._inputs = InputNode(self)
        monitor = TopicMonitor(inputs, self._config.robot.model)
        tree = subscribe_transforms(inputs, monitor)
        self._stream = RgbdSubscriber(inputs, self._config, tree, monitor, BACKLOG)
        self._recording: Recording | None = None
        self._status = self.create_publisher(ScanStatus, "m3/scan_status", LATCHED)
        self._status.publish(ScanStatus())
        group = MutuallyExclusiveCallbackGroup()
        codes = ScanErrorCode.NOT_ACTIVE, ScanErrorCode.FAILED
        self.serve(StartScan, "m3/scan/start", self._start_scan, codes, group)
        self.serve(StopScan, "m3/scan/stop", self._stop_scan, codes, group)

    def deactivate(self) -> None:
        """Finish a scan in progress: what was captured stays."""
        if self._recording:
            recording, self._recording = self._recording, None
            self._status.publish(recording.stop())

    def end(self) -> None:
        """Finish a scan in progress: what was captured stays."""
        super().end()
        self._stream.close()
        if self._recording:
            self._recording.stop()

    def destroy_node(self) -> None:
        """Stop receiving and end the node."""
        self._inputs.destroy_node()
        super().destroy_node()

    def _report(self, status: ScanStatus, problem: str) -> None:
        self._status.publish(status)
        if problem:
            self.get_logger().warning(problem, throttle_duration_sec=2.0)

    def _start_scan(self, request: StartScan.Request, response: StartScan.Response) -> object:
        if self._recording:
            response.error_code = ScanErrorCode.ALREADY_RECORDING
            response.folder = self._recording.status().folder
            response.error_msg = f"a scan into {response.folder} is already running"
            return response
        scans = user_path(self._config.storage.scans)
        folder = user_path(request.folder) if request.folder else None
        folder = folder or unused_folder(scans, time.strftime("%Y%m%d-%H%M%S"))
        try:
            self._stream.next(self._config.scan.start_timeout)
            if problem := self._stream.level_problem():
                raise FrameError(problem)
            self._recording = Recording(folder, self._stream, self._config.scan, self._report)
        except FrameError as error:
            response.error_code = ScanErrorCode.NO_FRAMES
            response.error_msg = f"cannot scan: {error}"
        except (ScanError, OSError) as error:
            response.error_code = ScanErrorCode.FAILED
            response.error_msg = f"cannot scan: {error}"
        else:
            response.success, response.folder = True, str(folder)
            self.get_logger().info(f"scanning into {folder}")
        if response.error_msg:
            self.get_logger().error(response.error_msg)
        return response

    def _stop_scan(self, _: StopScan.Request, response: StopScan.Response) -> object:
        if not self._recording:
            response.error_code = ScanErrorCode.NOT_RECORDING
            response.error_msg = "no scan is running; call /m3/scan/start first"
            return response
        recording, self._recording = self._recording, None
        status = recording.stop()
        self._status.publish(status)
        response.keyframes, response.success = status.keyframes, status.keyframes > 0
        if recording.unwritten:
            kept = Path(status.folder).exists()
            response.keyframes, response.success = status.keyframes * kept, False
            response.folder = status.folder if response.keyframes else ""
            response.error_code = ScanErrorCode.FAILED
            response.error_msg = recording.unwritten
            self.get_logger().error(response.error_msg)
        elif response.success:
            response.folder = status.folder
            response.error_msg = recording.ended
            self.get_logger().info(f"{status.keyframes} keyframes in {status.folder}")
        else:
            response.error_code = ScanErrorCode.NO_FRAMES
            reason = status.last_error or "the scan was too short"
            response.error_msg = f"no keyframe was captured: {reason}"
            self.get_logger().error(response.error_msg)
        return response


def unused_folder(parent: Path, name: str) -> Path:
    """Return the folder of a name, numbered where others began in the same second."""
    numbered = (parent / f"{name}-{number}" for number in count(2))
    return next(folder for folder in chain([parent / name], numbered) if not folder.exists())


def main() -> None:
    """Run the node until Ctrl-C."""
    run_node(CaptureNode)
