"""CLIP and SigLIP as dense extractors: any open_clip model whose image tower is a ViT.

A class-token ViT gives dense features through the value path of its last block (MaskCLIP, Zhou
et al., ECCV 2022, section 3.1): each token keeps its own value instead of mixing with the others.
SigLIP pools by attention of one learned query (Zhai et al., ICCV 2023); its head is applied to
each token alone, as if it were the only one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from open_clip.transform import PreprocessCfg, image_transform_v2
from open_clip.transformer import VisionTransformer
from PIL import Image
from timm.layers import AttentionPoolLatent, resample_abs_pos_embed
from torch import Tensor, nn

from m3_ros.errors import UsageError
from m3_ros.features.extractor import check_image
from m3_ros.features.model_cards import MODELS, ModelCard
from m3_ros.features.open_vocabulary import OpenVocabulary
from m3_ros.features.patches import PatchExtractor
from m3_ros.features.weights import find_weights, missing

TEMPLATES = ("a photo of a {}.", "a {} on a table.", "a close-up photo of a {}.", "the {}.")
CACHED_TEXTS = 512
"""Texts whose features are kept (1 MB for ViT-B/32): every query compares with the same words."""


class ClipExtractor(PatchExtractor, OpenVocabulary):
    """An open_clip vision transformer and its text tower.

    Args:
        name: "clip" or "siglip", which of the two its weights are.
        weights: "architecture:pretrained" with one of `open_clip.list_models()` and one of its
            tags or a checkpoint's path; a folder or name on the Hugging Face Hub with an
            open_clip_config.json; None for the paper's model.
        device: torch device.
        patches: patches along an image's longer side.

    Raises:
        ValueError: an unknown architecture, or one that is not of that kind.
        FileNotFoundError: the weights are missing.
    """

    def __init__(
        self,
        name: str,
        weights: str | Path | None = None,
        device: str = "cpu",
        patches: int = 28,
    ) -> None:
        card = MODELS[name]
        model, tokenizer = _load(card, weights)
        visual = model.visual
        if not _is_kind(visual, name):
            raise UsageError(
                f"weights of {name} are {str(weights)!r}, whose image tower is a "
                f"{type(visual).__name__}; {name} needs a vision transformer "
                + ("with a class token" if name == "clip" else "that pools by attention")
            )
        settings = visual.preprocess_cfg
        patch = visual.patch_size if name == "clip" else visual.trunk.patch_embed.patch_size
        super().__init__(card, model, patch, settings["mean"], settings["std"], patches, device)
        self.dim = int(visual.output_dim if name == "clip" else visual.trunk.num_features)
        self.logit_scale = float(model.logit_scale.exp().detach())
        self._forward = value_path_features if name == "clip" else pooled_features
        self._tokenizer = tokenizer
        self._texts: dict[str, NDArray[np.float32]] = {}
        self._preprocess = image_transform_v2(PreprocessCfg(**settings), is_train=False)

    def _dense(self, pixels: Tensor) -> Tensor:
        return F.normalize(self._forward(self._model.visual, pixels).float(), dim=-1)

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


def value_path_features(visual: VisionTransformer, pixels: Tensor) -> Tensor:
    """Return features `[b, h, w, d]` of a class-token ViT by the value path of its last block."""
    patches = visual.conv1(pixels)
    grid = tuple(patches.shape[2:])
    tokens = patches.flatten(2).transpose(1, 2)
    tokens = torch.cat([visual.class_embedding.expand(len(tokens), 1, -1), tokens], dim=1)
    positions = visual.positional_embedding[None]
    tokens = tokens + resample_abs_pos_embed(positions, list(grid), list(visual.grid_size))
    tokens = visual.ln_pre(tokens)
    *blocks, last = visual.transformer.resblocks
    for block in blocks:
        tokens = block(tokens)
    tokens = tokens + last.ls_1(_value_path(last.attn, last.ln_1(tokens)))
    tokens = tokens + last.ls_2(last.mlp(last.ln_2(tokens)))
    tokens = visual.ln_post(tokens[:, 1:])
    if visual.proj is not None:
        tokens = tokens @ visual.proj
    return tokens.reshape(len(tokens), *grid, -1)


def _value_path(attention: nn.MultiheadAttention, tokens: Tensor) -> Tensor:
    """Return each token's own value, projected, as if it attended to itself alone."""
    width = attention.embed_dim
    value = F.linear(
        tokens, attention.in_proj_weight[2 * width :], attention.in_proj_bias[2 * width :]
    )
    return F.linear(value, attention.out_proj.weight, attention.out_proj.bias)


def pooled_features(visual: nn.Module, pixels: Tensor) -> Tensor:
    """Return features `[b, h, w, d]` of a SigLIP tower: its pooling head on each token alone."""
    trunk = visual.trunk
    patches = trunk.patch_embed.proj(pixels)
    grid = list(patches.shape[2:])
    tokens = trunk.patch_embed.norm(patches.flatten(2).transpose(1, 2))
    before = list(trunk.patch_embed.grid_size)
    tokens = tokens + resample_abs_pos_embed(trunk.pos_embed, grid, before, num_prefix_tokens=0)
    tokens = trunk.norm(trunk.blocks(trunk.norm_pre(tokens)))
    alone = tokens.flatten(0, 1)[:, None]
    return visual.head(trunk.forward_head(alone)).reshape(len(pixels), *grid, -1)


def _is_kind(visual: nn.Module, name: str) -> bool:
    """Return whether an image tower has a class token ("clip") or pools by attention."""
    if name == "clip":
        return isinstance(visual, VisionTransformer)
    trunk = getattr(visual, "trunk", None)
    pooled = isinstance(getattr(trunk, "attn_pool", None), AttentionPoolLatent)
    return pooled and trunk.num_prefix_tokens == 0


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
    if pretrained not in tags and not Path(pretrained).expanduser().is_file():
        raise FileNotFoundError(
            f"weights of {card.name}: {pretrained!r} is neither a file nor one of open_clip's "
            f"tags of {architecture}, {tags}; name one of the tags to download it, or a checkpoint"
        )
