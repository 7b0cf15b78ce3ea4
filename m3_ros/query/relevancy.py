"""Does a feature show what is asked for? A probability, against what else it might show."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from m3_ros.features.extractor import LanguageExtractor, probability
from m3_ros.types import Image

Probability = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Features `[..., d]` to probabilities `[...]` that they show what is asked for."""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


OPENING = frozenset(
    _words("""
a an the this that these those my your our some any please kindly could would will you find get me
us bring fetch grab pick up give show take where is are there locate search look for i we want
need to photo picture of""")
)
"""Words that name nothing where a prompt begins."""
OPENING_PAIRS = frozenset((("can", "you"), ("can", "i"), ("can", "we"), ("hand", "me")))
"""Of these the first word does, but only before the second."""
CLOSING = frozenset(_words("please kindly thanks thank you now"))
"""Words that name nothing where a prompt ends."""
COLORS = _words("red orange yellow green cyan blue purple pink brown black grey white")
"""Every colour that is contrasted with a colour asked for."""
COLOR_WORDS = frozenset(
    COLORS
    + _words("""
gray turquoise teal aqua violet lilac lavender magenta crimson scarlet golden navy beige ivory
silver maroon olive""")
)
SHADES = frozenset(_words("light dark bright pale deep"))
"""Words that belong to a colour word after them."""
PLACEHOLDERS = frozenset(_words("thing object item one something stuff"))
"""Words that stand for any thing."""
UNCHANGED = frozenset(_words("scissors pliers glasses goggles dice lens tongs tweezers series"))
"""Words that look like a plural and are asked for as they are."""

SAME_MEANING = 0.85
"""A contrast with at least this cosine to the question means the same, and is left out."""


class QueryError(ValueError):
    """A question that cannot be asked; the message says why."""


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked for, in aspects that a thing must show all.

    Attributes:
        label: the words that name it, or "the picture".
        aspects: a probability for each: the kind of thing, and its colour if one is named.
        unknown: words that the model has not learnt; nothing shows them.
    """

    label: str
    aspects: tuple[Probability, ...]
    unknown: str = ""

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability `[...]`, 0..1, that unit features `[..., d]` show every aspect."""
        return np.prod([aspect(features) for aspect in self.aspects], axis=0)


def clean_prompt(prompt: str, max_length: int) -> str:
    """The words that name the thing: "Please find the yellow ducks!" becomes "yellow duck".

    Raises:
        QueryError: nothing is left, or the prompt is longer than `max_length` characters.
    """
    if not prompt.strip():
        raise QueryError("the query is empty; say what to find, for example 'yellow bath duck'")
    if len(prompt) > max_length:
        raise QueryError(f"the query has {len(prompt)} characters; at most {max_length} are taken")
    words = re.sub(r"[^\w\s'-]", " ", prompt.lower()).split()
    while words and words[-1] in CLOSING:
        words.pop()
    if words[-3:-1] == ["on", "the"]:
        del words[-3:]
    while words and (words[0] in OPENING or tuple(words[:2]) in OPENING_PAIRS):
        del words[0]
    if not words:
        raise QueryError(f"the query {prompt!r} names no thing; say what to find")
    return " ".join([*words[:-1], singular(words[-1])])


def singular(word: str) -> str:
    """One of what an English plural names: "mugs" is "mug", "brushes" "brush", "dice" stays."""
    if word in UNCHANGED or len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if re.search(r"[^siu]s$", word) else word


def split_color(text: str) -> tuple[str, str]:
    """Colour and kind of what cleaned words name; either may be empty.

    A colour word at the end is the thing itself: "orange" is a fruit.
    """
    words = text.split()
    color, kind = [], []
    for index, word in enumerate(words):
        last = index == len(words) - 1
        shade = word in SHADES and not last and words[index + 1] in COLOR_WORDS
        (color if shade or (word in COLOR_WORDS and not last) else kind).append(word)
    if set(kind) <= PLACEHOLDERS and color:
        kind = []
    return " ".join(color), " ".join(kind)


def text_question(extractor: LanguageExtractor, text: str) -> Question:
    """The aspects of cleaned words, each against the model's contrasts to it."""
    color, kind = split_color(text)
    if kind and not extractor.in_vocabulary(kind):
        return Question(text, (_never,), kind)
    aspects = []
    if kind:
        aspects.append(_against(extractor, _encode(extractor, kind), extractor.negatives(kind)))
    if color:
        others = [f"{other} thing" for other in COLORS]
        aspects.append(_against(extractor, _encode(extractor, f"{color} thing"), others))
    return Question(text, tuple(aspects))


def image_question(extractor: LanguageExtractor, crop: Image) -> Question:
    """Whether a feature shows the thing in the picture `crop [H, W, 3]`."""
    target = extractor.encode_image(crop)
    return Question("the picture", (_against(extractor, target, extractor.negatives("object")),))


def _never(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.zeros(features.shape[:-1], np.float32)


def _encode(extractor: LanguageExtractor, text: str) -> NDArray[np.float32]:
    return extractor.encode_text([text])[0]


def _against(
    extractor: LanguageExtractor, target: NDArray[np.float32], negatives: Sequence[str]
) -> Probability:
    others = extractor.encode_text(list(negatives)) if negatives else np.zeros((0, len(target)))
    others = np.asarray(others, np.float32)
    others = others[others @ target < SAME_MEANING]
    return lambda features: probability(features, target, others, extractor.logit_scale)
