"""Does a feature show what is asked for? A probability, against what else it might show."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from m3_ros.features.extractor import LanguageExtractor, relevancy

Image = NDArray[np.uint8]
Probability = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Features `[..., d]` to probabilities `[...]` that they show what is asked for."""

POLITE = frozenset(
    word
    for line in (
        "a an the this that these those my your our some any please kindly thanks thank",
        "could can would you find get me us bring fetch grab pick up give hand show",
        "where is are there locate search look for i we want need to",
    )
    for word in line.split()
)
"""Words that name nothing."""

SAME_MEANING = 0.85
"""A contrast with at least this cosine to the question means the same, and is left out."""


class QueryError(ValueError):
    """A question that cannot be asked; the message says why."""


def clean_prompt(prompt: str, max_length: int) -> str:
    """The words that name the thing: "Please find the yellow duck!" becomes "yellow duck".

    Raises:
        QueryError: nothing is left, or the prompt is longer than `max_length` characters.
    """
    if not prompt.strip():
        raise QueryError("the query is empty; say what to find, for example 'yellow bath duck'")
    if len(prompt) > max_length:
        raise QueryError(f"the query has {len(prompt)} characters; at most {max_length} are taken")
    words = re.sub(r"[^\w\s'-]", " ", prompt.lower()).split()
    kept = [word for word in words if word not in POLITE]
    if not kept:
        raise QueryError(f"the query {prompt!r} names no thing; say what to find")
    return " ".join(kept)


def text_probability(extractor: LanguageExtractor, text: str) -> Probability:
    """Probability that features show `text` rather than any of the model's contrasts to it."""
    return _against(extractor, extractor.encode_text([text])[0], extractor.contrasts(text))


def image_probability(extractor: LanguageExtractor, crop: Image) -> Probability:
    """Probability that features show the thing in the picture `crop [H, W, 3]`."""
    return _against(extractor, extractor.encode_image(crop), extractor.contrasts("object"))


def _against(
    extractor: LanguageExtractor, target: NDArray[np.float32], contrasts: list[str]
) -> Probability:
    others = extractor.encode_text(contrasts) if contrasts else np.zeros((0, len(target)))
    others = np.asarray(others, np.float32)
    others = others[others @ target < SAME_MEANING]
    return lambda features: relevancy(features, target, others, extractor.logit_scale)
