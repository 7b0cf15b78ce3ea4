"""Targets of the cells of a training batch."""

import compact_scenes as scenes
import torch
from torch import Tensor

IGNORE, GRIPPER, UNLABELLED = -1, 255, 255
"""Targets that do not count; the slot of the gripper; labels that a slot lacks."""


def cell_slots(slots: Tensor) -> tuple[Tensor, Tensor]:
    """Return the slot of each stride-8 cell of four samples, and whether all four agree.

    Cells without a majority get slot -1.
    """
    b, h, w = slots.shape
    four = slots.view(b, h // 2, 2, w // 2, 2).permute(0, 1, 3, 2, 4).reshape(b, h // 2, w // 2, 4)
    ordered = four.int().sort(dim=-1).values
    majority = (ordered[..., 1] == ordered[..., 2]) | (ordered[..., 0] == ordered[..., 1])
    majority |= ordered[..., 2] == ordered[..., 3]
    value = torch.where(ordered[..., 2] == ordered[..., 3], ordered[..., 2], ordered[..., 1])
    return torch.where(majority, value, IGNORE), ordered[..., 0] == ordered[..., 3]


def targets(cells: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return category and colour of every cell; the room is "table" without colour."""
    table = torch.cat(
        [
            torch.tensor([scenes.TABLE_CLASS, scenes.NO_COLOR]).expand(len(labels), 1, 2),
            labels.long(),
        ],
        1,
    )
    slot = cells.clamp(0, scenes.SLOTS).long().flatten(1)
    picked = table.gather(1, slot[..., None].expand(-1, -1, 2)).view(*cells.shape, 2)
    category, color = picked.unbind(-1)
    gripper = cells == GRIPPER
    category = torch.where(gripper, scenes.UNKNOWN_CLASS, category)
    color = torch.where(gripper, IGNORE, color)
    lost = (cells == IGNORE) | (category == UNLABELLED)
    return category.masked_fill(lost, IGNORE), color.masked_fill(
        lost | (color == UNLABELLED), IGNORE
    )
