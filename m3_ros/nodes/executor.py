"""rclpy's multi-threaded executor, made safe for threads that are late."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    MultiThreadedExecutor,
    ShutdownException,
    TimeoutException,
    TimeoutObject,
)

POLL = 0.1  # s between looks at whether the executor is shut down while all its threads are busy


class PatientExecutor(MultiThreadedExecutor):
    """A `MultiThreadedExecutor` that hands a callback to its threads once.

    rclpy submits a callback again and again, without a pause, until one of the threads has begun
    it. The thread that submits holds the interpreter's lock while it does so, and the others wait
    for that lock: one late thread became 50 000 submissions in 8 s, and a guard that acts in
    0.05 s acted after 20 s. Here the spinning thread waits until the callback has begun.
    """

    def _spin_once_impl(
        self,
        timeout_sec: float | TimeoutObject | None = None,
        wait_condition: Callable[[], bool] = lambda: False,
    ) -> None:
        try:
            handler, _, _ = self.wait_for_ready_callbacks(timeout_sec, None, wait_condition)
        except (
            ConditionReachedException,
            ExternalShutdownException,
            ShutdownException,
            TimeoutException,
        ):
            return
        begun = threading.Event()

        def run() -> None:
            begun.set()
            handler()

        self._executor.submit(run)
        while not begun.wait(POLL) and not self._is_shutdown:
            pass
        self._futures.append(handler)
        for future in self._futures[:]:
            if future.done():
                self._futures.remove(future)
                future.result()  # raises what the callback raised
