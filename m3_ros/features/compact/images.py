"""Images in the compact encoder: sizes of its inputs, and the joint feature of both branches."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from m3_ros.features.compact import trunk
from m3_ros.features.compact.imagenet import WORD_DIM
from m3_ros.features.extractor import check_image
from m3_ros.types import Image

MEAN, STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
GATE_SIDE = 256
"""Longer side, px, of the image in which renderings are told from photographs; of a photograph
it is the coarse one of two scales, of a crop near the 224 px that ImageNet is classified at."""
PHOTOGRAPH_SIDE, FINE_SHARE = 608, 2 / 3
"""Longer side, px, of the fine scale of a photograph, and its share of the words: in 40 collages
of ImageNet's photographs, 90 to 225 px large, the maximum is on what is asked for in .62 (512 px:
.52); more would need more than 80 ms of one core."""
COLOR_SIDE = 192
"""Longer side, px, at which the colour of a photograph is read: its cells of 8 px are about the
ImageNet branch's of 32 px at 608."""
WORD_FACTOR = 5.0
"""Factor on cosines of words before the softmax over texts. Of 2480 questions about the boxes of
the 40 collages 72 are FOUND then, 11 of them "bottle" on a bottle cap and 5 wrong otherwise, and
75 UNCERTAIN; with 6, 112 are FOUND and 13 are wrong otherwise; with 4, 26 and 1."""
OWN_DIM = 17
"""Dimensions that texts alone have: images are 0 there."""
DIM = trunk.DIM + WORD_DIM + OWN_DIM
"""Length of a feature: the rendered branch, the ImageNet branch, and those of texts."""


def network_input(rgb: Image, longest_side: float, device: torch.device | str = "cpu") -> Tensor:
    """Scale the full image to multiples of 32 px and normalise it, `[1, 3, h, w]`."""
    check_image(rgb)
    height, width = rgb.shape[:2]
    scale = longest_side / max(height, width)
    size = [max(2, round(side * scale / 32)) * 32 for side in (width, height)]
    scaled = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    image = (scaled.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(STD)
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None].to(device)
    return tensor.contiguous(memory_format=torch.channels_last)


def joined(rendered: Tensor, trust: Tensor, words: Tensor) -> Tensor:
    """Return unit features `[..., 240]` of images: words take the place of the category.

    Args:
        rendered: `[..., 128]` features of the rendered branch.
        trust: `[..., 1]` share of the rendered branch in the category, 1 to 0 (words alone).
        words: `[..., 95]` directions of the ImageNet branch, of any length.
    """
    category, color = rendered.split([trunk.CATEGORY_DIM, trunk.DIM - trunk.CATEGORY_DIM], -1)
    meant = ((1.0 - trust**2) / 2.0) ** 0.5 * F.normalize(words, dim=-1)
    return F.pad(torch.cat([trust * category, color, meant], -1), (0, OWN_DIM))


def resized(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Return maps `[B, d, h, w]` of another size (rows, columns), channels last."""
    return F.interpolate(maps.float(), size=tuple(size), mode="bilinear").permute(0, 2, 3, 1)
