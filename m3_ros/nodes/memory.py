"""Builds a spatial memory from a scan folder, growing it during the scan: /m3/build_memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from m3_ros.action import BuildMemory
from m3_ros.capture.scan import ScanError
from m3_ros.config import StorageConfig
from m3_ros.features.loading import load_extractor
from m3_ros.memory.incremental import IncrementalBuilder, newest_scan
from m3_ros.nodes.exclusive_actions import ExclusiveActions
from m3_ros.nodes.parameters import declare_settings
from m3_ros.nodes.runtime import run_node

Result = BuildMemory.Result
GOAL_END = 2.0  # s that a running build may take to end when the node does


class BuildCancelled(Exception):
    """The client asked to stop, or the node ends; nothing has been written."""


class MemoryNode(Node):
    """One build at a time; a cancelled or failed one leaves the old memory as it was.

    While a scan is taken its frames are remembered already, so that its build takes seconds.
    """

    def __init__(self) -> None:
        super().__init__("memory")
        groups = ("robot", "storage", "scan", "splat", "features", "memory", "query")
        self._config = declare_settings(self, *groups)
        features, scans = self._config.features, Path(self._config.storage.scans).expanduser()
        self._growing = IncrementalBuilder(
            scans,
            self._config,
            lambda: [load_extractor(name, device=features.device) for name in features.models],
        )
        self._ending = threading.Event()
        self._actions = ExclusiveActions(self)
        self._actions.serve(BuildMemory, "/m3/build_memory", self._execute)

    def destroy_node(self) -> None:
        """Stop a running build, and following scans."""
        self._ending.set()
        self._actions.close(GOAL_END)
        self._growing.close()
        super().destroy_node()

    def _execute(self, goal: ServerGoalHandle) -> Result:
        result = Result()
        try:
            _build(goal, self._config.storage, self._growing, self._ending.is_set, result)
            self.get_logger().info(f"{result.gaussians} Gaussians in {result.memory}")
        except BuildCancelled:
            result.error_code, result.error_msg = Result.CANCELLED, "cancelled"
        except ScanError as error:
            result.error_code, result.error_msg = Result.INVALID_SCAN, str(error)
        except Exception as error:  # whatever it is, the node lives and the client is told
            result.error_code, result.error_msg = Result.FAILED, str(error)
            self.get_logger().error(f"the build failed: {type(error).__name__}: {error}")
        return result


def _build(
    goal: ServerGoalHandle,
    storage: StorageConfig,
    growing: IncrementalBuilder,
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
    memory = growing.build(source.expanduser(), progress)
    progress("save", 0.0)
    memory.save(target)
    result.success, result.memory = True, str(target)
    result.frames, result.gaussians = memory.frames, len(memory.gaussians)
    result.components, result.psnr_db = memory.components, float(memory.psnr_db)
    result.size_bytes = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    result.duration = time.monotonic() - started


def main() -> int:
    """Run the node until Ctrl-C."""
    return run_node(MemoryNode)
