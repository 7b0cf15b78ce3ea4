"""Answers from a memory: /m3/query (verified by the camera), /m3/describe, /m3/load_memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from action_msgs.msg import GoalStatus, GoalStatusArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from sensor_msgs.msg import PointCloud2

from m3_ros.capture.messages import ConversionError, to_rgb, to_seconds
from m3_ros.codes import LoadErrorCode, QueryErrorCode, QueryStatus
from m3_ros.files import user_path
from m3_ros.msg import MemoryStatus
from m3_ros.nodes.base import ManagedNode
from m3_ros.nodes.conversions import header
from m3_ros.nodes.diagnostics import ERROR, OK, WARN, Report
from m3_ros.nodes.inputs import InputNode
from m3_ros.nodes.latency import Latency
from m3_ros.nodes.memory_loader import InvalidMemory, LoadedMemory, MemoryLoader, NoMemory
from m3_ros.nodes.memory_messages import gaussians_message
from m3_ros.nodes.qos import LATCHED
from m3_ros.nodes.query_messages import (
    TOPICS,
    Headers,
    fill_description,
    fill_response,
    topic_messages,
)
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber
from m3_ros.nodes.runtime import run_node
from m3_ros.nodes.topic_monitor import TopicMonitor
from m3_ros.nodes.transforms import subscribe_transforms
from m3_ros.nodes.waiting_line import Busy, WaitingLine
from m3_ros.query.describe import describe
from m3_ros.query.grammar import QueryError
from m3_ros.query.question import answer_question
from m3_ros.splat.device import choose_device
from m3_ros.srv import Describe, LoadMemory, Query

MEMORY_TOPICS = {"m3/gaussians": PointCloud2, "m3/loaded_memory": MemoryStatus}
ERRORS = {
    Busy: QueryErrorCode.BUSY,
    NoMemory: QueryErrorCode.NO_MEMORY,
    QueryError: QueryErrorCode.INVALID_QUERY,
    ConversionError: QueryErrorCode.INVALID_QUERY,
    Exception: QueryErrorCode.FAILED,
}
"""Codes of what ends a request; the first kind that an error is counts."""
MAX_WAITING = 8
"""Queries that may wait, each in a thread; with a camera one takes 0.1 to 0.3 s."""
MAX_WAIT = 3.0
"""Longest wait (s) of a query for its turn: with `READ_WAIT` it has an answer, or BUSY, in 5 s."""
MAX_DESCRIPTIONS = 2
"""Descriptions that may wait; the first of a memory takes seconds, and no query waits for it."""
OTHER_THREADS = 5  # for a description, loads, the memory's topic, lifecycle and parameters


class QueryNode(ManagedNode):
    """Find objects in the memory and verify them in the newest camera frame.

    The memory of one folder is kept loaded. It is read again when the memory node publishes that
    it built one, when a query finds that its files have changed, and on /m3/load_memory.

    One query is answered at a time; some wait for their turn, the rest are told BUSY at once.
    """

    def __init__(self) -> None:
        super().__init__("query", "robot", "storage", "scan", "features", "memory", "query")
        inputs = self._inputs = InputNode(self)
        monitor = TopicMonitor(inputs, self._config.robot.model)
        tree = subscribe_transforms(inputs, monitor)
        self._stream = RgbdSubscriber(inputs, self._config, tree, monitor)
        self._out = {
            name: self.create_publisher(kind, name, LATCHED)
            for name, kind in {**TOPICS, **MEMORY_TOPICS}.items()
        }
        self._latency, self._last, self._loaded = Latency(), Report(message="no query"), None
        monitor.diagnostics.add("latency", self._latency.report)
        monitor.diagnostics.add("last query", lambda: self._last)
        monitor.diagnostics.add("memory", self._memory_report)
        self._memory = self._loader()
        self._line = WaitingLine(MAX_WAITING, MAX_WAIT)
        self._descriptions = WaitingLine(MAX_DESCRIPTIONS, MAX_WAIT)
        at_once, group = ReentrantCallbackGroup(), MutuallyExclusiveCallbackGroup()
        codes = QueryErrorCode.NOT_ACTIVE, QueryErrorCode.FAILED
        self.serve(Query, "m3/query", self._answer, codes, at_once)
        self.serve(Describe, "m3/describe", self._describe, codes, at_once)
        codes = LoadErrorCode.NOT_ACTIVE, LoadErrorCode.INVALID_MEMORY
        self.serve(LoadMemory, "m3/load_memory", self._load, codes, group)
        self.create_subscription(
            MemoryStatus, "m3/memory_status", self._refresh, LATCHED, callback_group=group
        )
        builds = "m3/build_memory/_action/status"
        apart = MutuallyExclusiveCallbackGroup()  # loads a model; nobody waits for it
        self.create_subscription(
            GoalStatusArray, builds, self._prepare, LATCHED, callback_group=apart
        )

    def configure(self) -> None:
        """Load what is on disk already, with its model; without a memory this waits for one."""
        choose_device(self._config.features.device)  # one that is missing is told at the start
        self._load_current()

    def cleanup(self) -> None:
        """Drop the memory and its model."""
        self._memory = self._loader()

    def end(self) -> None:
        """End a query's wait for a frame: it is answered without one."""
        super().end()
        self._stream.close()

    def destroy_node(self) -> None:
        """Stop receiving and end the node."""
        self._inputs.destroy_node()
        super().destroy_node()

    def _loader(self) -> MemoryLoader:
        return MemoryLoader(self._folder(""), self._config, self._publish_memory)

    def _folder(self, requested: str) -> Path:
        return user_path(requested or self._config.storage.memory)

    def _refresh(self, _: MemoryStatus) -> None:
        if self.active:
            self._load_current()

    def _prepare(self, builds: GoalStatusArray) -> None:
        """Load the model while the first memory is built."""
        if self.active and any(
            each.status == GoalStatus.STATUS_EXECUTING for each in builds.status_list
        ):
            self._memory.prepare()

    def _load_current(self) -> None:
        try:
            self._memory.current()
        except NoMemory as error:
            self.get_logger().warning(str(error))

    def _publish_memory(self, loaded: LoadedMemory) -> None:
        memory, status = loaded.localizer.memory, loaded.status
        self._out["m3/loaded_memory"].publish(status)
        self._out["m3/gaussians"].publish(gaussians_message(memory, header(memory.frame_id)))
        self._loaded = status
        self.get_logger().info(f"{status.gaussians} Gaussians loaded from {status.folder}")

    def _memory_report(self) -> Report:
        status, problem = self._loaded, self._memory.problem
        if status is None:
            return Report(WARN, problem or f"no memory is loaded from {self._folder('')}")
        values = {"folder": status.folder, "Gaussians": status.gaussians}
        values["revision"] = status.revision
        return Report(ERROR if problem else OK, problem or "ok", values)

    def _load(
        self, request: LoadMemory.Request, response: LoadMemory.Response
    ) -> LoadMemory.Response:
        try:
            with self._line.turn():
                response.memory = self._memory.load(self._folder(request.folder)).status
            response.success = True
        except Busy as error:
            response.error_code, response.error_msg = LoadErrorCode.BUSY, str(error)
        except InvalidMemory as error:
            response.error_code, response.error_msg = LoadErrorCode.INVALID_MEMORY, str(error)
        except NoMemory as error:
            response.error_code, response.error_msg = LoadErrorCode.NO_MEMORY, str(error)
        return response

    def _answer(self, request: Query.Request, response: Query.Response) -> Query.Response:
        def query() -> None:
            with self._latency.measured():
                self._query(request, response)

        if self._respond(self._line, query, response):
            failed = response.error_code == QueryErrorCode.FAILED
            status = QueryStatus(response.status.value).name
            values = {"text": request.text, "status": status}
            self._last = Report(ERROR if failed else OK, response.error_msg or status, values)
        return response

    def _describe(
        self, request: Describe.Request, response: Describe.Response
    ) -> Describe.Response:
        def describe_memory() -> None:
            loaded = self._memory.current()
            inventory, text = loaded.inventory, request.text
            found = answer_question(inventory, text) if text else describe(inventory)
            fill_description(response, inventory, found)
            response.memory_revision = loaded.status.revision
            response.error_msg = response.memory_problem = self._memory.problem

        self._respond(self._descriptions, describe_memory, response)
        return response

    def _respond(
        self,
        line: WaitingLine,
        work: Callable[[], None],
        response: Query.Response | Describe.Response,
    ) -> bool:
        """Do the work of a request in its turn; return whether the turn came."""
        try:
            with line.turn():
                work()
        except Exception as error:  # whatever it is, the node lives and the client is told
            code = next(code for kind, code in ERRORS.items() if isinstance(error, kind))
            if code == QueryErrorCode.FAILED:
                self.get_logger().error(f"a request failed: {type(error).__name__}: {error}")
            response.error_code, response.error_msg = code, str(error)
        return response.error_code != QueryErrorCode.BUSY

    def _query(self, request: Query.Request, response: Query.Response) -> None:
        query = request.text
        if not query and request.image.height:
            query = to_rgb(request.image)
        loaded = self._memory.current()
        localizer, status = loaded.localizer, loaded.status
        frame, blind = None, ""
        try:
            frame = self._stream.next(timeout=self._config.scan.frame_timeout)
            if problem := self._stream.level_problem():
                raise FrameError(problem)
        except FrameError as error:
            blind = f"answered without the camera: {error}"
            self.get_logger().warning(blind, throttle_duration_sec=5.0)
        result = localizer.locate(query, frame)
        stamp = frame.stamp if frame else 0.0
        heads = Headers(
            header(localizer.memory.frame_id, stamp),
            header(self._config.robot.camera_frame, stamp),
        )
        fill_response(response, request, result, heads)
        response.memory_problem = self._memory.problem
        said = (result.message, blind, response.memory_problem)
        response.error_msg = "; ".join(filter(None, said))
        response.metric = localizer.memory.metric
        response.memory_revision = status.revision
        response.memory_age = max(0.0, time.time() - to_seconds(status.build_stamp))
        for name, message in topic_messages(result, frame, localizer.memory, heads).items():
            self._out[name].publish(message)


def main() -> None:
    """Run the node until Ctrl-C."""
    run_node(QueryNode, threads=1 + MAX_WAITING + MAX_DESCRIPTIONS + OTHER_THREADS)
