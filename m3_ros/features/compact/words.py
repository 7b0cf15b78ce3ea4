"""The words whose direction the compact encoder knows, baked from a sentence encoder."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

OPENING = re.compile(r"^(?:an? |the )?(?:photo|picture|image|rendering|close[- ]up) of ")
"""Words before the name in a caption."""
AFTER = re.compile(r" (?:on|in|at|over|beside|near|please)\b.*$")
"""Words after the name."""


class WordTable:
    """Directions by name.

    Args:
        names: of things, in lower case.
        vectors: `[n, d]` unit directions.
    """

    def __init__(self, names: Iterable[str], vectors: NDArray[np.float32]) -> None:
        self._rows = {name: row for row, name in enumerate(names)}
        self._vectors = vectors

    def find(self, text: str) -> NDArray[np.float32] | None:
        """Return the direction `[d]` of what a text names; None where no word of it is known.

        The longest end of the text that is a name counts ("red coffee mug": "coffee mug"), in the
        singular too.
        """
        plain = re.sub(r"[^a-z' -]", " ", text.lower())
        words = AFTER.sub("", OPENING.sub("", " ".join(plain.split()))).split()
        for start in range(len(words)):
            name = " ".join(words[start:])
            for form in (name, name.removesuffix("s"), name.removesuffix("es")):
                if form in self._rows:
                    return self._vectors[self._rows[form]]
        return None
