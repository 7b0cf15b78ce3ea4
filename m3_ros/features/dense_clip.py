"""Dense features of a CLIP with a class token, by published changes of its last block.

- `value`: each token keeps its own value (MaskCLIP, Zhou et al., ECCV 2022, section 3.1);
- `sclip`: attention softmax(q q') + softmax(k k') (SCLIP, Wang et al., ECCV 2024, equation 3);
- `clearclip`: attention softmax(q q'), neither residual nor feed-forward layer (ClearCLIP, Lan et
  al., ECCV 2024, equation 8);
- `naclip`: attention softmax(k k' + neighbourhood), neither residual nor feed-forward layer
  (NACLIP, Hajimiri et al., WACV 2025, equations 5 to 7).

Products are divided by the root of a head's width; all tokens take part, the class token too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from open_clip.transformer import VisionTransformer
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

FORMS = ("value", "sclip", "clearclip", "naclip")
NEIGHBOURHOOD = 5.0
"""Standard deviation of NACLIP's neighbourhood, in patches; the paper's."""


def dense_features(visual: VisionTransformer, pixels: Tensor, form: str = "value") -> Tensor:
    """Return features `[b, h, w, d]` of pixels `[b, 3, H, W]` in one of `FORMS`."""
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
    mixed = last.ls_1(own_attention(last.attn, last.ln_1(tokens), grid, form))
    if form in ("value", "sclip"):
        tokens = tokens + mixed
        tokens = tokens + last.ls_2(last.mlp(last.ln_2(tokens)))
    else:
        tokens = mixed
    tokens = visual.ln_post(tokens[:, 1:])
    if visual.proj is not None:
        tokens = tokens @ visual.proj
    return tokens.reshape(len(tokens), *grid, -1)


def own_attention(
    attention: nn.MultiheadAttention, tokens: Tensor, grid: tuple[int, int], form: str
) -> Tensor:
    """Return tokens `[b, 1 + h w, c]`, class token first, mixed by the attention of a form."""
    projected = F.linear(tokens, attention.in_proj_weight, attention.in_proj_bias)
    if form == "value":
        value = projected.chunk(3, dim=-1)[2]
        return F.linear(value, attention.out_proj.weight, attention.out_proj.bias)
    query, key, value = (
        part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2)
        for part in projected.chunk(3, dim=-1)
    )

    def similarity(rows: Tensor) -> Tensor:
        return rows @ rows.transpose(-1, -2) / rows.shape[-1] ** 0.5

    if form == "sclip":
        weights = similarity(query).softmax(-1) + similarity(key).softmax(-1)
    elif form == "clearclip":
        weights = similarity(query).softmax(-1)
    else:
        weights = (similarity(key) + neighbourhood(grid).to(key)).softmax(-1)
    mixed = (weights @ value).transpose(1, 2).flatten(2)
    return F.linear(mixed, attention.out_proj.weight, attention.out_proj.bias)


def neighbourhood(grid: tuple[int, int]) -> Tensor:
    """Return what NACLIP adds to the attention of near patches, `[1 + h w, 1 + h w]`.

    A Gaussian of height 1 of their distance; 0 for the class token.
    """
    axes = (torch.arange(float(side)) for side in grid)
    places = torch.cartesian_prod(*axes)
    near = torch.exp(-(torch.cdist(places, places) ** 2) / (2 * NEIGHBOURHOOD**2))
    return F.pad(near, (1, 0, 1, 0))
