"""CLIP, SigLIP, Perception Encoder and MobileCLIP as dense extractors, through open_clip.

How each kind of image tower gives dense features: `m3_ros.features.towers`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch import Tensor, nn

from m3_ros.errors import UsageError
from m3_ros.features.dense_clip import FORMS
from m3_ros.features.extractor import check_image
from m3_ros.features.model_cards import MODELS, ModelCard
from m3_ros.features.open_vocabulary import OpenVocabulary
from m3_ros.features.patches import PatchExtractor
from m3_ros.features.towers import NEEDS, feature_length, tower_of
from m3_ros.features.weights import find_weights, missing
from m3_ros.files import user_path

TEMPLATES = ("a photo of a {}.", "a {} on a table.", "a close-up photo of a {}.", "the {}.")
CACHED_TEXTS = 512
"""Texts whose features are kept (1 MB for ViT-B/32): every query compares with the same words."""


class ClipExtractor(PatchExtractor, OpenVocabulary):
    """An open_clip model: an image tower and its text tower.

    Args:
        name: the model card that its weights belong to: one of `towers.NEEDS`.
        weights: "architecture:pretrained" with one of `open_clip.list_models()` and one of its
            tags or a checkpoint's path; a folder or name on the Hugging Face Hub with an
            open_clip_config.json; None for the card's own. A CLIP's may end in "+" and one of
            `dense_clip.FORMS`, the value path unless given.
        device: torch device.
        patches: patches along an image's longer side; the tower's own by default.

    Raises:
        ValueError: an unknown architecture, or one that is not of that kind.
        FileNotFoundError: the weights are missing.
    """

    def __init__(
        self,
        name: str,
        weights: str | Path | None = None,
        device: str = "cpu",
        patches: int | None = None,
    ) -> None:
        card = MODELS[name]
        weights, form = _split_form(name, weights)
        model, tokenizer = _load(card, weights)
        visual = model.eval().visual
        tower = tower_of(visual, name, form)
        if tower is None:
            trunk = getattr(visual, "trunk", visual)
            raise UsageError(
                f"weights of {name} are {str(weights)!r}, whose image tower is a "
                f"{type(trunk).__name__}; {name} needs {NEEDS[name]}"
            )
        self._tower, self.dim = tower, feature_length(tower)
        settings = visual.preprocess_cfg
        number = tower.patches if patches is None else patches
        shape = tower.patch, settings["mean"], settings["std"], number
        super().__init__(card, model, *shape, device, "" if form == FORMS[0] else f" {form}")
        self.logit_scale = float(model.logit_scale.exp().detach())
        self._tokenizer = tokenizer
        self._texts: dict[str, NDArray[np.float32]] = {}
        self._preprocess = image_transform_v2(PreprocessCfg(**settings), is_train=False)

    def _dense(self, pixels: Tensor) -> Tensor:
        return F.normalize(self._tower.dense(pixels).float(), dim=-1)

    @torch.inference_mode()
    def encode_image(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the unit feature `[d]` of the whole image, by the model's own preprocessing."""
        check_image(rgb)
        image = self._preprocess(Image.fromarray(rgb))[None].to(self._device)
        return self._model.encode_image(image, normalize=True)[0].float().cpu().numpy()

    def encode_text(self, texts: list[str]) -> NDArray[np.float32]:
        """Return unit features `[m, d]`: the mean over `TEMPLATES`."""
        known = self._texts
        unseen = [text for text in dict.fromkeys(texts) if text not in known]
        if unseen:
            rows = dict(zip(unseen, self._encode(unseen), strict=True))
            known = known | rows
            self._texts = known if len(known) <= CACHED_TEXTS else rows  # replaced: thread-safe
        return np.stack([known[text] for text in texts])

    @torch.inference_mode()
    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        phrases = [template.format(text) for text in texts for template in TEMPLATES]
        tokens = self._tokenizer(phrases).to(self._device)
        features = self._model.encode_text(tokens, normalize=True).float()
        mean = features.reshape(len(texts), len(TEMPLATES), -1).mean(dim=1)
        return F.normalize(mean, dim=-1).cpu().numpy()


def _split_form(name: str, weights: str | Path | None) -> tuple[str | Path | None, str]:
    """Return weights without a dense form at their end, and the form.

    Raises:
        UsageError: a form of a model that has none.
    """
    before, plus, form = str(weights or "").rpartition("+")
    if not plus or form not in FORMS:
        return weights, FORMS[0]
    if name != "clip":
        raise UsageError(f"weights of {name} end in +{form}; only clip has dense forms")
    return before or None, form


def _load(
    card: ModelCard, weights: str | Path | None
) -> tuple[nn.Module, open_clip.SimpleTokenizer]:
    """Load an open_clip model (float32) and its tokenizer."""
    architecture, _, pretrained = str(weights or "").partition(":")
    if pretrained:
        _check_names(card, architecture, pretrained)
        quick_gelu = open_clip.get_pretrained_cfg(architecture, pretrained).get("quick_gelu")
    else:  # the folder's config names the activation
        architecture, quick_gelu = f"local-dir:{find_weights(card, weights)}", False
    try:
        model = open_clip.create_model(
            architecture,
            pretrained or None,
            force_quick_gelu=bool(quick_gelu),
            require_pretrained=True,
        )
        return model, open_clip.get_tokenizer(architecture)
    except (OSError, RuntimeError, ValueError) as error:
        cause = next(iter(str(error).splitlines()), type(error).__name__)
        raise missing(card, f"{weights or architecture} cannot be loaded ({cause})") from error


def _check_names(card: ModelCard, architecture: str, pretrained: str) -> None:
    """Check names, with shorter errors than open_clip's lists of all models."""
    if architecture not in open_clip.list_models():
        raise UsageError(
            f"architecture is {architecture!r}; it must be one of open_clip.list_models()"
        )
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained not in tags and not user_path(pretrained).is_file():
        raise FileNotFoundError(
            f"weights of {card.name}: {pretrained!r} is neither a file nor one of open_clip's "
            f"tags of {architecture}, {tags}; name one of the tags to download it, or a checkpoint"
        )
