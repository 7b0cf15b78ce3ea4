"""Vocabulary and negatives of encoders that take any word.

CLIP classifies a picture among words. Against a handful of general words ("object", "texture")
any noun wins on many things; against nouns, the kinds that things really are compete.
"""

from __future__ import annotations

GENERAL = ("object", "table", "wall", "floor", "background")
KINDS = (
    "person", "bicycle", "car", "bench", "cat", "dog", "bird", "backpack", "umbrella", "handbag",
    "suitcase", "ball", "skateboard", "bottle", "wine glass", "cup", "mug", "fork", "knife",
    "spoon", "bowl", "plate", "banana", "apple", "sandwich", "orange fruit", "broccoli", "carrot",
    "bread", "cake", "chair", "couch", "potted plant", "bed", "television", "laptop",
    "computer mouse", "remote control", "keyboard", "phone", "microwave oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
    "lamp", "box", "bag", "can", "jar", "pot", "pan", "teapot", "towel", "pillow", "shoe", "hat",
    "glove", "glasses", "watch", "key", "pen", "pencil", "paper", "tape", "screwdriver", "hammer",
    "wrench", "pliers", "brush", "sponge", "soap", "candle", "toy", "doll", "cable", "headphones",
    "speaker", "basket", "bucket", "egg", "tomato", "potato", "flower",
)  # fmt: skip
"""Things in homes: COCO's categories that may stand in a room, and other common ones."""


class OpenVocabulary:
    """What `LanguageExtractor` asks of models that were trained on any words."""

    def in_vocabulary(self, text: str) -> bool:
        """Return True."""
        return True

    def vocabulary(self) -> list[str]:
        """Return the household words that name kinds of objects."""
        return list(KINDS)

    def negatives(self, text: str) -> list[str]:
        """Return the household words but the text itself, which compete with it."""
        return [word for word in (*GENERAL, *KINDS) if word != text.lower()]
