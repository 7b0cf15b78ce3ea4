"""Finding, loading and identifying the weights of models."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.constants import HF_HUB_CACHE
from torch import nn

from m3_ros.errors import UnavailableError
from m3_ros.features.model_cards import WeightsCard
from m3_ros.files import user_path


def find_weights(card: WeightsCard, weights: str | Path | None, part: int = 0) -> Path:
    """Return the folder of one part of a model.

    Args:
        card: the model.
        weights: a folder; a name on the Hugging Face Hub such as "facebook/dinov2-base", which is
            downloaded unless this machine has it; None for the card's own, which is not.
        part: number of the part among the card's repositories.

    Raises:
        FileNotFoundError: there are none; says what, where, and how to get them.
    """
    if weights is None:
        folder = card.snapshot(card.repositories[part])
        if folder is None:
            raise missing(card, f"{card.repositories[part]} is not in {HF_HUB_CACHE}", part)
        return folder
    if user_path(weights).is_dir():
        return user_path(weights)
    if not re.fullmatch(r"\w[\w.-]*/[\w.-]+", str(weights)):
        raise missing(
            card, f"{str(weights)!r} is no folder and no name of the Hugging Face Hub", part
        )
    return _download(card, str(weights), part)


def _download(card: WeightsCard, repository: str, part: int) -> Path:
    try:
        return Path(snapshot_download(repository, allow_patterns=list(card.files)))
    except Exception as error:  # the hub's client raises its own, requests' and the system's
        cause = next(iter(str(error).splitlines()), type(error).__name__)
        what = f"{repository} is not in {HF_HUB_CACHE} and could not be downloaded ({cause})"
        raise missing(card, what, part) from error


def missing(card: WeightsCard, what: str, part: int = 0) -> FileNotFoundError:
    """Return the error for missing weights, as one sentence."""
    return FileNotFoundError(
        f"weights of {card.name}: {what}; on a machine with a network run "
        f"`{card.commands[part]}` and copy its Hugging Face cache here, or name a folder that "
        f"holds them as {card.name}:FOLDER"
    )


def transformers_for(card: WeightsCard) -> ModuleType:
    """Import transformers, with its log and bars turned off.

    Raises:
        RuntimeError: it is not installed.
    """
    try:
        import transformers
    except ImportError as error:
        raise UnavailableError(
            f"model {card.name!r} needs the Python package transformers; `make models` or "
            "`pip install -r requirements/models.txt` installs it"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


def model_type(folder: Path, card: WeightsCard, part: int = 0) -> str:
    """Return the `model_type` of a transformers model in a folder.

    Raises:
        FileNotFoundError: its config.json is missing or names none.
    """
    try:
        return str(json.loads((folder / "config.json").read_text())["model_type"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{folder}/config.json does not say what model it is of ({error})"
        raise missing(card, what, part) from error


def load_pretrained(
    model_class: type, folder: Path, card: WeightsCard, part: int = 0
) -> nn.Module:
    """Load a transformers model from a folder, in the dtype of its weights.

    Raises:
        FileNotFoundError: the folder does not hold all weights of such a model.
    """
    try:
        model, info = model_class.from_pretrained(
            folder, local_files_only=True, dtype="auto", output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        cause = next(iter(str(error).splitlines()), type(error).__name__)
        what = f"{folder} cannot be read ({cause})"
        raise missing(card, what, part) from error
    if info["missing_keys"]:
        first = sorted(info["missing_keys"])[0]
        what = f"{folder} lacks {len(info['missing_keys'])} tensors such as {first}"
        raise missing(card, what, part)
    return model.eval().requires_grad_(False)


def weights_digest(modules: Iterable[nn.Module], settings: str) -> str:
    """Return the hexadecimal SHA-256 of the modules' tensors and of their settings."""
    digest = hashlib.sha256(settings.encode())
    for module in modules:
        for name, value in sorted(module.state_dict().items()):
            digest.update(name.encode())
            flat = value.detach().cpu().contiguous().flatten()
            digest.update(memoryview(flat.view(torch.uint8).numpy()))
    return digest.hexdigest()
