"""Losses on the heat maps of text prompts in a training batch."""

import compact_scenes as scenes
import torch
import torch.nn.functional as F
from compact_targets import IGNORE
from torch import Tensor

from m3_ros.sim.objects import CATEGORIES, COLORS, held_out_pair

HELD_OUT = torch.tensor(
    [[held_out_pair(thing, color) for color in COLORS] for thing in CATEGORIES]
)
"""Pairs `[categories, colours]` that training leaves out."""


class Heats:
    """Heat maps of "colour category" prompts over the cells of a batch of pictures.

    Args:
        by_category: `[B, n, classes]` logits of the cells; by_color: `[B, n, shades]`.
        category: `[B, h, w]` targets of the cells, and so color.
    """

    def __init__(
        self, by_category: Tensor, by_color: Tensor, category: Tensor, color: Tensor
    ) -> None:
        self.by_category, self.by_color = by_category.mT, by_color.mT
        self.category, self.color = category.flatten(1)[:, None], color.flatten(1)[:, None]
        self.usable = self.category != IGNORE
        # The negatives of `probability`: bare names, whose logits are sqrt(2) as large.
        self.negatives = (2**0.5 * by_category).logsumexp(-1)[:, None]

    def heat(self, prompts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute the heat maps of prompts `[B, m, 2]`.

        Returns:
            Logits `[B, m, n]`, whether a cell shows the prompt, whether `[B, m]` there is one.
        """
        known = (prompts != IGNORE).all(-1) & (prompts[..., 0] < scenes.TABLE_CLASS)
        known &= prompts[..., 1] < scenes.NO_COLOR
        rows = torch.where(known[..., None], prompts, 0)[..., None].expand(
            -1, -1, -1, self.usable.shape[-1]
        )
        heat = self.by_category.gather(1, rows[:, :, 0]) + self.by_color.gather(1, rows[:, :, 1])
        same = (self.category == prompts[..., :1]) & (self.color == prompts[..., 1:])
        return heat, same & self.usable, known

    def pointing(self, wanted: Tensor) -> Tensor:
        """Return -log of the share of a heat map that lies on the objects of its prompt."""
        heat, own, known = self.heat(wanted)
        all_mass = heat.masked_fill(~self.usable, -1e4).logsumexp(-1)
        own_mass = heat.masked_fill(~own, -1e4).logsumexp(-1)
        known &= own.any(-1)
        return ((all_mass - own_mass) * known).sum() / known.sum().clamp(min=1)

    def firing(self, wanted: Tensor) -> Tensor:
        """Return the loss of a prompt's largest probability: high if it is shown, else low.

        What is not shown: the category of one object in the colour of another, and any category
        in an object's colour. Pairs that are held out would never be shown: they do not count.
        """
        crossed, other = wanted.clone(), wanted.clone()
        crossed[..., 1] = wanted[..., 1].roll(int(torch.randint(1, wanted.shape[1], ())), 1)
        other[..., 0] = torch.randint_like(other[..., 0], scenes.TABLE_CLASS)
        return (
            self._firing(wanted, True) + self._firing(crossed, False) + self._firing(other, False)
        )

    def _firing(self, prompts: Tensor, shown: bool) -> Tensor:
        """Return the mean cross-entropy of the prompts that are shown, or that are not."""
        heat, own, known = self.heat(prompts)
        held_out = HELD_OUT.to(known.device)[
            tuple(torch.where(known[..., None], prompts, 0).unbind(-1))
        ]
        known &= own.any(-1) if shown else ~own.any(-1) & ~held_out
        where = own if shown else self.usable
        best = (heat - self.negatives).masked_fill(~where, -1e4).amax(-1)
        each = F.softplus(-best if shown else best)
        return (each * known).sum() / known.sum().clamp(min=1)
