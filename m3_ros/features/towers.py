"""How the image towers of open_clip give dense features: one function for each kind.

A SigLIP or Perception Encoder pools by attention of one learned query (Zhai et al., ICCV 2023;
Bolya et al., NeurIPS 2025); its head is applied to each token alone, as if it were the only one. A
MobileCLIP ends in a mean over the cells of a convolutional network and a linear layer, which
commute: the layer is applied to each cell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from open_clip.timm_model import TimmModel
from open_clip.transformer import VisionTransformer
from timm.layers import AttentionPoolLatent, ClassifierHead
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import Tensor, nn

from m3_ros.features.dense_clip import dense_features

PATCHES = 28
"""Patches along an image's longer side: 24 (ViT-L/14 at 336 px) and more were trained."""
LONGEST = 640
"""Longer side (px) of an image in a convolutional tower: that of the usual camera picture. Its
cells are 32 or 64 px, so that `PATCHES` of them would enlarge every picture."""


@dataclass(frozen=True)
class Tower:
    """What an extractor must know of an image tower.

    Attributes:
        patch: height and width of a cell, px.
        patches: cells along an image's longer side.
        dense: returns features `[b, h, w, d]` of pixels `[b, 3, H, W]`.
    """

    patch: tuple[int, int]
    patches: int
    dense: Callable[[Tensor], Tensor]


def class_token_tower(visual: nn.Module, form: str) -> Tower | None:
    """Return the tower of a CLIP with a class token, in a form of `dense_clip`."""
    if not isinstance(visual, VisionTransformer):
        return None
    return Tower(visual.patch_size, PATCHES, lambda pixels: dense_features(visual, pixels, form))


def pooled_tower(visual: nn.Module, trunk_class: type) -> Tower | None:
    """Return the tower of a timm transformer that pools by attention; None for another one."""
    trunk = visual.trunk if isinstance(visual, TimmModel) else None
    if not isinstance(trunk, trunk_class):
        return None
    if not isinstance(trunk.attn_pool, AttentionPoolLatent):
        return None
    # What timm sets for `dynamic_img_size=True`, which open_clip does not pass on: position
    # embeddings are interpolated to the picture's own grid.
    trunk.dynamic_img_size, trunk.patch_embed.strict_img_size = True, False
    trunk.patch_embed.flatten, trunk.patch_embed.output_fmt = False, "NHWC"
    if getattr(trunk, "rope", None) is not None:
        trunk.rope._use_cached_embed = False  # rotary positions of the grid it was trained on

    def dense(pixels: Tensor) -> Tensor:
        tokens = trunk.forward_features(pixels)[:, trunk.num_prefix_tokens :]
        pooled = visual.head(trunk.forward_head(tokens.flatten(0, 1)[:, None]))
        height, width = (
            side // patch for side, patch in zip(pixels.shape[2:], patch_size, strict=True)
        )
        return pooled.reshape(len(pixels), height, width, -1)

    patch_size = trunk.patch_embed.patch_size
    return Tower(patch_size, PATCHES, dense)


def convolution_tower(visual: nn.Module) -> Tower | None:
    """Return the tower of a MobileCLIP of convolutions; None for another one."""
    trunk = visual.trunk if isinstance(visual, TimmModel) else None
    head = getattr(trunk, "head", None)
    if not isinstance(head, ClassifierHead) or head.global_pool.pool_type != "avg":
        return None
    stride = int(trunk.feature_info[-1]["reduction"])

    def dense(pixels: Tensor) -> Tensor:
        cells = trunk.forward_features(pixels).permute(0, 2, 3, 1)
        return visual.head(head.fc(cells))

    return Tower((stride, stride), LONGEST // stride, dense)


def tower_of(visual: nn.Module, name: str, form: str) -> Tower | None:
    """Return the image tower of a model; None where it is not of the model's kind.

    Args:
        visual: open_clip's image tower.
        name: of a model card.
        form: dense form of a CLIP with a class token.
    """
    if name == "clip":
        return class_token_tower(visual, form)
    if name == "mobileclip2":
        return convolution_tower(visual)
    return pooled_tower(visual, Eva if name == "pe" else TimmVisionTransformer)


NEEDS = {
    "clip": "a vision transformer with a class token",
    "siglip": "a vision transformer that pools by attention",
    "siglip2": "a vision transformer that pools by attention",
    "pe": "a Perception Encoder: a transformer with rotary positions that pools by attention",
    "mobileclip2": "a convolutional tower (S0, S2, S3 or S4)",
}
"""The image tower that each model needs, in words."""


def feature_length(tower: Tower) -> int:
    """Return d of a tower, by one cell of a black picture."""
    with torch.inference_mode():
        return int(tower.dense(torch.zeros(1, 3, *tower.patch)).shape[-1])
