"""Builds a spatial memory from a scan, incrementally while it is recorded: /m3/build_memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from m3_ros.action import BuildMemory
from m3_ros.capture.scan import ScanError
from m3_ros.codes import BuildErrorCode
from m3_ros.config import StorageConfig
from m3_ros.features.loading import load_extractor
from m3_ros.memory.incremental import IncrementalBuilder, newest_scan
from m3_ros.memory.serialization import MemoryFileError, folder_size
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.exclusive_actions import GOAL_END, ExclusiveActions
from m3_ros.nodes.memory_messages import memory_status_message
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.runtime import run_node

Result = BuildMemory.Result


class BuildCancelled(Exception):
    """The client asked to stop, or the node ends; nothing has been written."""


class MemoryNode(Node):
    """One build at a time; a cancelled or failed one leaves the old memory as it was.

    Frames of a scan are processed while it is recorded, so that its build takes seconds. The
    memory on disk is published on /m3/memory_status, at the start and after each build.
    """

    def __init__(self) -> None:
        super().__init__("memory")
        groups = ("robot", "storage", "scan", "splat", "features", "memory", "query")
        self._config = declare_settings(self, *groups)
        features, scans = self._config.features, Path(self._config.storage.scans).expanduser()
        self._builder = IncrementalBuilder(
            scans,
            self._config,
            lambda: [load_extractor(name, device=features.device) for name in features.models],
        )
        self._ending = threading.Event()
        self._status = self.create_publisher(MemoryStatus, "m3/memory_status", LATCHED)
        try:
            self._publish(Path(self._config.storage.memory).expanduser())
        except MemoryFileError as error:
            self.get_logger().info(str(error))
        self._actions = ExclusiveActions(self)
        self._actions.serve(BuildMemory, "m3/build_memory", self._execute)

    def destroy_node(self) -> None:
        """Stop a running build and the incremental builder."""
        self._ending.set()
        self._actions.close(GOAL_END)
        self._builder.close()
        super().destroy_node()

    def _execute(self, goal: ServerGoalHandle) -> Result:
        result = Result()
        try:
            _build(goal, self._config.storage, self._builder, self._ending.is_set, result)
            self._publish(Path(result.memory))
            result.success = True
            self.get_logger().info(f"{result.gaussians} Gaussians in {result.memory}")
        except BuildCancelled:
            result.error_code, result.error_msg = BuildErrorCode.CANCELLED, "cancelled"
        except ScanError as error:
            result.error_code, result.error_msg = BuildErrorCode.INVALID_SCAN, str(error)
        except Exception as error:  # whatever it is, the node lives and the client is told
            result.error_code, result.error_msg = BuildErrorCode.FAILED, str(error)
            self.get_logger().error(f"the build failed: {type(error).__name__}: {error}")
        return result

    def _publish(self, folder: Path) -> None:
        """Wake the nodes that use the memory in `folder`."""
        self._status.publish(memory_status_message(folder))


def _build(
    goal: ServerGoalHandle,
    storage: StorageConfig,
    builder: IncrementalBuilder,
    ending: Callable[[], bool],
    result: Result,
) -> None:
    """Build what `goal` asks for, report on the way and fill `result`.

    Raises:
        BuildCancelled: the goal is cancelled, or `ending` says so.
    """
    started = time.monotonic()

    def progress(stage: str, share: float) -> None:
        if goal.is_cancel_requested or ending():
            raise BuildCancelled
        goal.publish_feedback(BuildMemory.Feedback(stage=stage, progress=float(share)))

    request = goal.request
    target = Path(request.memory or storage.memory).expanduser()
    source = Path(request.scan) if request.scan else newest_scan(Path(storage.scans).expanduser())
    memory = builder.build(source.expanduser(), progress)
    progress("save", 0.0)
    memory.save(target)
    result.memory = str(target)
    result.frames, result.gaussians = memory.frames, len(memory.gaussians)
    result.components, result.psnr_db = memory.components, float(memory.psnr_db)
    result.size_bytes = folder_size(target)
    result.duration = time.monotonic() - started


def main() -> None:
    """Run the node until Ctrl-C."""
    run_node(MemoryNode)
