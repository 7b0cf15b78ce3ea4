"""Processes that share the scenes of a benchmark."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from m3_ros.signals import end_with_parent


def worker_pool(count: int) -> ProcessPoolExecutor:
    """Return a pool of `count` processes, which end with this one, however it does."""
    return ProcessPoolExecutor(
        count, get_context("spawn"), initializer=end_with_parent, initargs=(os.getpid(),)
    )
