"""How long a node takes for a request, for its diagnostics."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from m3_ros.nodes.diagnostics import Report

RECENT = 100  # requests that the percentiles are of; five lie above the 95th


class Latency:
    """Measure blocks; `report` gives the last one, the median and the 95th percentile."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=RECENT)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Measure a block that ends without an error."""
        start = time.perf_counter()
        yield
        self._times.append(1000.0 * (time.perf_counter() - start))

    def report(self) -> Report:
        """Return the diagnostics of the blocks measured so far."""
        times = list(self._times)
        if not times:
            return Report(message="no request so far")
        median, high = np.percentile(times, [50, 95])
        values = {"last": times[-1], "p50": median, "p95": high}
        return Report(values={f"{key} [ms]": f"{ms:.1f}" for key, ms in values.items()})
