"""Foundation models by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from m3_ros.errors import UsageError
from m3_ros.features.extractor import FeatureExtractor, LanguageExtractor
from m3_ros.features.model_cards import CARDS, MODELS, NO_TEXTS
from m3_ros.splat.device import choose_device

_CLASSES = {
    "compact": ("compact", "CompactExtractor"),
    "dinov2": ("dino", "Dinov2Extractor"),
    "dinov3": ("dino", "Dinov3Extractor"),
    "seem": ("seem", "SeemExtractor"),
    "llama3": ("llama3", "Llama3Extractor"),
    "llamav": ("llamav", "LlamavExtractor"),
}
"""Module and class of each model; imported when asked for, since each pulls in packages."""
_OPEN_CLIP = {
    "siglip2": "siglip2",
    "siglip": "siglip",
    "pe-core": "pe",
    "mobileclip": "mobileclip2",
    "": "clip",
}
"""Model by a part of the name of open_clip's architecture; the first that fits."""


def load_extractor(
    name: str, weights: str | Path | None = None, device: str = "cpu"
) -> FeatureExtractor:
    """Load a model by name.

    Args:
        name: one of `m3_ros.features.model_cards.MODELS`, alone or as "name:weights"; or an
            open_clip model as "architecture:pretrained", for example
            "ViT-B-16:laion2b_s34b_b88k".
        weights: file, folder or name on the Hugging Face Hub, in place of the model's own; see
            docs/models.md for what each model takes.
        device: "auto", "cpu", "cuda" or "cuda:N", see `choose_device`.

    Raises:
        ValueError: for a name that is none of these, or a device that is not there.
        FileNotFoundError: when weights are missing; says what, where, and how to get them.
        RuntimeError: when a Python package is missing.
    """
    model, weights = split_name(name, weights)
    device = choose_device(device)
    if model in _OPEN_CLIP.values():
        from m3_ros.features.clip import ClipExtractor

        return ClipExtractor(model, weights, device)
    module, class_name = _CLASSES[model]
    return getattr(import_module(f"m3_ros.features.{module}"), class_name)(weights, device)


def split_name(name: str, weights: str | Path | None = None) -> tuple[str, str | Path | None]:
    """Return the model that a name of `load_extractor` means, and its weights, None: its own.

    Raises:
        UsageError: for a name that is none of these.
    """
    model, _, after = name.partition(":")
    weights = weights or after or None
    if model in MODELS:
        return model, weights
    if not model or weights is None:
        raise UsageError(
            f"encoder is {name!r}; it must be one of {', '.join(MODELS)}, or open_clip's "
            "'architecture:pretrained', for example 'ViT-B-16:laion2b_s34b_b88k'"
        )
    family = next(name for part, name in _OPEN_CLIP.items() if part in model.lower())
    return family, f"{model}:{weights}"


def load_language_extractor(name: str, device: str = "cpu") -> LanguageExtractor:
    """Load a model that understands text; see `load_extractor`.

    Raises:
        ValueError: for a model whose features share no space with text.
    """
    extractor = load_extractor(name, device=device)
    if not hasattr(extractor, "encode_text"):
        raise UsageError(
            f"model {name!r} does not understand text; the first model of a memory that is asked "
            f"must be one of {', '.join(card.name for card in CARDS if card.texts != NO_TEXTS)}"
        )
    return extractor
