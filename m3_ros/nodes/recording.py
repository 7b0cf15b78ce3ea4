"""One scan in progress: a thread takes each frame in turn, and keeps and writes keyframes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from m3_ros.capture.frame import RgbdFrame
from m3_ros.capture.keyframes import KeyframeSelector
from m3_ros.capture.scan_writer import ScanWriter
from m3_ros.config import ScanConfig
from m3_ros.files import WriteError
from m3_ros.msg import ScanStatus
from m3_ros.nodes.rgbd_subscriber import FrameError, RgbdSubscriber

TIME_WENT_BACK = (
    "time went back, and poses of before and after do not fit together: the scan has ended and "
    "keeps the keyframes of before; start another one"
)


class Recording:
    """Write keyframes from its construction until `stop`.

    When time goes back it ends by itself: poses of two runs of the clock do not fit together.

    Args:
        folder: scan folder to write; a scan in it that was not finished goes on.
        stream: gives the frames.
        config: which frames are keyframes.
        report: called after every frame, from another thread, with the state and with what was
            wrong with this frame; "" if nothing.

    Attributes:
        ended: why it has ended by itself; "" while it goes on.
        unwritten: why the last frame, or the end, could not be written; "" if all could.

    Raises:
        ScanError: the folder exists and holds something else.
        WriteError: it cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        stream: RgbdSubscriber,
        config: ScanConfig,
        report: Callable[[ScanStatus, str], None],
    ) -> None:
        self._stream, self._config, self._report = stream, config, report
        self._writer, self._selector = ScanWriter(folder, resume=True), KeyframeSelector(config)
        self._invalid, self._error, self.ended, self.unwritten = 0, "", "", ""
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> ScanStatus:
        """End the scan and return its final state; an empty scan leaves no folder."""
        self._stopping.set()
        self._thread.join()
        try:
            self._writer.close()
        except WriteError as error:
            self._error = self.unwritten = str(error)
        return self.status()

    def status(self) -> ScanStatus:
        """Return the present state."""
        return ScanStatus(
            recording=not (self.ended or self._stopping.is_set()),
            folder=str(self._writer.folder),
            keyframes=len(self._writer),
            rejected_fast=self._selector.too_fast,
            rejected_near=self._selector.too_near,
            rejected_invalid=self._invalid,
            last_error=self._error,
        )

    def _run(self) -> None:
        stamp, run = None, self._stream.runs
        full = self._config.max_frames
        while not (self.ended or self._stopping.is_set() or len(self._writer) >= full):
            problem = ""
            try:
                frame = self._stream.next(self._config.frame_timeout, after=stamp)
                stamp = frame.stamp
                if self._stream.runs == run:
                    self._keep(frame)
            except (FrameError, WriteError) as error:
                self._invalid, self._error = self._invalid + 1, (problem := str(error))
                if isinstance(error, WriteError):
                    self.unwritten = self._error
            if self._stream.runs != run:
                self.ended = self._error = problem = TIME_WENT_BACK
            if not self._stopping.is_set():
                self._report(self.status(), problem)

    def _keep(self, frame: RgbdFrame) -> None:
        """Write a frame if it is a keyframe.

        Raises:
            FrameError: it has no depth.
            WriteError: it cannot be written.
        """
        if not frame.depth.any():
            raise FrameError("the depth image measures nothing")
        if self._selector.accept(frame.camtoworld, frame.stamp):
            self._writer.add(frame)
