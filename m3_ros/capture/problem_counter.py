"""Problems of a stream of inputs: each is told once, counted, and listed while it lasts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

RECENT = 10.0
"""Time (s) that a problem stays listed after its last occurrence: ten reports of diagnostics."""
MAX_PROBLEMS = 100
"""Most different sentences: more than one of each kind for each frame of a large robot's TF."""
MAX_LENGTH = 500
"""Longest sentence, characters: six lines of a terminal."""
FURTHER = f"more than {MAX_PROBLEMS} different problems; the others are counted here"


@dataclass
class _Problem:
    count: int = 0
    last: float = 0.0


class ProblemCounter:
    """Count sentences that say what is wrong; thread-safe.

    Beyond `MAX_PROBLEMS` sentences, all others count as one: names that strangers publish may
    differ each time.

    Args:
        tell: called with a sentence the first time it is counted.
    """

    def __init__(self, tell: Callable[[str], object]) -> None:
        self._tell = tell
        self._problems: dict[str, _Problem] = {}
        self._lock = threading.Lock()

    def count(self, sentence: str, lasting: bool = False) -> None:
        """Count a problem; a lasting one stays listed for ever."""
        sentence = sentence if len(sentence) <= MAX_LENGTH else f"{sentence[:MAX_LENGTH]}..."
        with self._lock:
            if sentence not in self._problems and len(self._problems) >= MAX_PROBLEMS:
                sentence = FURTHER
            new = sentence not in self._problems
            problem = self._problems.setdefault(sentence, _Problem())
            problem.count += 1
            problem.last = float("inf") if lasting else time.monotonic()
        if new:
            self._tell(sentence)

    def recent(self) -> str | None:
        """Return the problems of the last `RECENT` s with their counts; None without any."""
        oldest = time.monotonic() - RECENT
        with self._lock:
            found = [
                f"{sentence} ({problem.count} times)"
                for sentence, problem in self._problems.items()
                if problem.last > oldest
            ]
        return "; ".join(found) or None
