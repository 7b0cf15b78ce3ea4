"""What every foundation model looks like to the rest of M3, and how to get one by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FeatureMap:
    """Dense features of one image.

    Attributes:
        features: `[h, w, d]` float32. Cell (i, j) stands for image rows i*H/h..(i+1)*H/h and
            columns j*W/w..(j+1)*W/w: the map always covers the full image.
        valid: `[h, w]` bool, False where the model says nothing.
    """

    features: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.features.ndim != 3 or self.features.dtype != np.float32:
            raise ValueError(
                f"features are {self.features.dtype} {self.features.shape}; "
                "float32 [h, w, d] needed"
            )
        if self.valid.shape != self.features.shape[:2] or self.valid.dtype != np.bool_:
            raise ValueError(
                f"valid is {self.valid.dtype} {self.valid.shape}; "
                f"bool {self.features.shape[:2]} needed"
            )


class FeatureExtractor(Protocol):
    """A foundation model.

    Attributes:
        name: short name, the key of its bank in a memory.
        dim: d, the length of its features.
        degrees: s, the principal-query channels its features deserve.
        threshold: cosine similarity at which two of its features count as the same (0..1).
        digest: hexadecimal digest of its weights; features of another digest do not compare.
    """

    name: str
    dim: int
    degrees: int
    threshold: float
    digest: str

    def extract(self, rgb: NDArray[np.uint8]) -> FeatureMap:
        """Dense features of an image `[H, W, 3]` uint8 RGB."""
        ...


class LanguageExtractor(FeatureExtractor, Protocol):
    """A foundation model whose features share a space with text.

    Attributes:
        logit_scale: factor on cosines before a softmax over texts, as the model was trained.
    """

    logit_scale: float

    def encode_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Unit features `[m, d]` of texts."""
        ...

    def encode_image(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Unit feature `[d]` of a whole image."""
        ...

    def contrasts(self, prompt: str) -> list[str]:
        """What else a place may show: texts to compare the prompt with, see `relevancy`."""
        ...


def relevancy(
    features: NDArray[np.float32],
    text: NDArray[np.float32],
    contrasts: NDArray[np.float32],
    logit_scale: float,
) -> NDArray[np.float32]:
    """Probability, 0..1, that a place shows the text rather than any of the contrasts.

    Args:
        features: `[..., d]` unit features of places.
        text: `[d]` unit feature of the prompt.
        contrasts: `[n, d]` unit features of the other texts.
        logit_scale: the model's factor on cosines.
    """
    logits = logit_scale * (features @ np.concatenate([text[None], contrasts]).T)
    logits -= logits.max(axis=-1, keepdims=True)
    share = np.exp(logits)
    return share[..., 0] / share.sum(axis=-1)


def load_extractor(
    name: str, weights: str | Path | None = None, device: str = "cpu"
) -> LanguageExtractor:
    """Load a model by name.

    Args:
        name: "compact" (ships with this package), or an open_clip model as
            "architecture:pretrained", for example "ViT-B-16:laion2b_s34b_b88k"; the part after
            the colon is a pretrained tag or the path of a checkpoint.
        weights: file or folder of weights in place of what the name implies.
        device: torch device, "cpu" or "cuda".

    Raises:
        ValueError: for a name that is neither.
        FileNotFoundError: when weights are missing; says what, where, and how to get them.
    """
    if name == "compact":
        from m3_ros.features.compact import CompactExtractor

        return CompactExtractor(weights, device)
    architecture, _, pretrained = name.partition(":")
    if not architecture or not (pretrained or weights):
        raise ValueError(
            f"encoder is {name!r}; it must be 'compact' or open_clip's 'architecture:pretrained', "
            "for example 'ViT-B-16:laion2b_s34b_b88k'"
        )
    from m3_ros.features.clip import ClipExtractor

    return ClipExtractor(architecture, str(weights or pretrained), device)


def check_image(rgb: NDArray[np.uint8]) -> None:
    """Refuse what is not an image.

    Raises:
        ValueError: unless `rgb` is uint8 `[H, W, 3]` with at least 16 rows and columns.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or min(rgb.shape[:2]) < 16:
        raise ValueError(f"rgb is {rgb.dtype} {rgb.shape}; uint8 [H, W, 3], H and W >= 16 needed")
