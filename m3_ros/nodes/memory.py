"""Builds a spatial memory from a scan, incrementally while it is recorded: /m3/build_memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from rclpy.action.server import ServerGoalHandle

from m3_ros.action import BuildMemory
from m3_ros.capture.scan import ScanError
from m3_ros.codes import BuildErrorCode
from m3_ros.config import StorageConfig
from m3_ros.features.loading import load_extractor
from m3_ros.files import user_path
from m3_ros.memory.incremental import IncrementalBuilder, newest_scan
from m3_ros.memory.serialization import MemoryFileError, folder_size, require_writable
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.diagnostics import ERROR, OK, Diagnostics, Report, diagnostic_name
from m3_ros.nodes.exclusive_actions import GOAL_END, ExclusiveActions
from m3_ros.nodes.memory_messages import memory_status_message
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.runtime import release_memory, run_node

Result = BuildMemory.Result
BUILD_END = 1.5
"""Time (s) that a running build may take to tell its client when the node ends, which it does in
2 s; steps of a build that take longer are not waited for."""


class BuildCancelled(Exception):
    """The client asked to stop, or the node ends; nothing has been written."""


class MemoryNode(ManagedNode):
    """One build at a time; a cancelled or failed one leaves the old memory as it was.

    Frames of a scan are processed while it is recorded, so that its build takes seconds. The
    memory on disk is published on /m3/memory_status, at the start and after each build.
    """

    def __init__(self) -> None:
        groups = ("robot", "storage", "scan", "splat", "features", "memory", "query")
        super().__init__("memory", *groups)
        self._builder: IncrementalBuilder | None = None
        self._last = Report(message="no build")
        self._diagnostics = Diagnostics(self, diagnostic_name(self), "")
        self._diagnostics.add("last build", lambda: self._last)
        self._status = self.create_publisher(MemoryStatus, "m3/memory_status", LATCHED)
        self._actions = ExclusiveActions(self)
        self._actions.serve(BuildMemory, "m3/build_memory", self._execute)

    def configure(self) -> None:
        """Load the models and watch for scans."""
        features, storage = self._config.features, self._config.storage
        models = [load_extractor(name, device=features.device) for name in features.models]
        scans = user_path(storage.scans)
        self._builder = IncrementalBuilder(scans, self._config, lambda: models)
        try:
            self._publish(user_path(storage.memory))
        except MemoryFileError as error:
            self.get_logger().info(str(error))

    def deactivate(self) -> None:
        """Wait for the end of a running build, which writes nothing."""
        self._actions.wait(GOAL_END)

    def cleanup(self) -> None:
        """Stop watching for scans and drop the models."""
        if self._builder:
            self._builder.close()
        self._builder = None

    def end(self) -> None:
        """End a running build: a memory is written at once or not at all."""
        super().end()
        self._actions.close(BUILD_END)

    def _execute(self, goal: ServerGoalHandle) -> Result:
        result = Result()
        try:
            _build(
                goal,
                self._config.storage,
                self._builder,
                lambda: self._actions.interrupted(goal),
                result,
            )
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
        release_memory()
        values = {"code": BuildErrorCode(result.error_code).name, "folder": result.memory}
        values |= {"Gaussians": result.gaussians, "duration [s]": f"{result.duration:.1f}"}
        failed = result.error_code not in (BuildErrorCode.NONE, BuildErrorCode.CANCELLED)
        self._last = Report(ERROR if failed else OK, result.error_msg or "built", values)
        return result

    def _publish(self, folder: Path) -> None:
        """Wake the nodes that use the memory in `folder`."""
        self._status.publish(memory_status_message(folder))


def _build(
    goal: ServerGoalHandle,
    storage: StorageConfig,
    builder: IncrementalBuilder,
    interrupted: Callable[[], bool],
    result: Result,
) -> None:
    """Build what `goal` asks for, report on the way and fill `result`.

    Raises:
        BuildCancelled: `interrupted` says so.
        MemoryFileError, WriteError: the memory cannot be written where it was asked for.
    """
    started = time.monotonic()

    def progress(stage: str, share: float) -> None:
        if interrupted():
            raise BuildCancelled
        goal.publish_feedback(BuildMemory.Feedback(stage=stage, progress=float(share)))

    request = goal.request
    target = user_path(request.memory or storage.memory)
    require_writable(target)
    source = user_path(request.scan) if request.scan else newest_scan(user_path(storage.scans))
    memory = builder.build(source, progress)
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
