"""How far apart features of different things are, measured on the features of a scan.

An encoder's cosines are its own: different things are 84 degrees apart for the compact encoder, 57
(dense) or 35 (crops) for CLIP ViT-L/14, whose features share a direction, the modality gap. So a
threshold that is right for one passes everything of another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from m3_ros.memory.psc import MemoryBank

APART = 0.3
"""Share of the median angle between components that counts as one appearance. 2.75 of it
(`query.appearance_angles`) are .83 of that median, so most pairs of different things fail the
widest test. The compact encoder's bank has less, 20 degrees of 68 to 83 (9 scenes); the paper's
for CLIP has 37, and 2.75 times 37 passes all."""
MIN_COMPONENTS = 4
"""Fewer components do not tell how far apart things are."""
SAMPLED = 512
"""Components of which all pairs are compared."""


def appearance_angle(components: NDArray[np.float32], threshold: float) -> float:
    """Return the unit of appearance (rad): the bank's angle, at most `APART` of what is usual.

    Args:
        components: `[t, d]` unit principal scene components.
        threshold: cosine of the bank.
    """
    bank = float(np.arccos(threshold))
    some = components[:: max(1, -(-len(components) // SAMPLED))]
    if len(some) < MIN_COMPONENTS:
        return bank
    return min(bank, APART * float(np.arccos(np.clip(median_cosine(some), -1.0, 1.0))))


def median_cosine(features: NDArray[np.float32]) -> float:
    """Return the median cosine between different unit features `[n, d]`, n > 1."""
    return float(np.median((features @ features.T)[np.triu_indices(len(features), 1)]))


def suited(bank: MemoryBank, features: Tensor) -> MemoryBank:
    """Return the bank; while it is empty, one whose threshold suits the features of a frame.

    A component that covers both a thing and the border where it mixes with the table stands for
    neither; so one covers at most `appearance_angle`.

    Args:
        bank: to which the features are added next.
        features: `[n, d]` of a frame.
    """
    if bank.rows:
        return bank
    first = MemoryBank(bank.dim, bank.threshold, bank.max_components, bank.device)
    first.add(features)
    angle = appearance_angle(normalize(first.components, dim=-1).numpy(), bank.threshold)
    threshold = max(bank.threshold, float(np.cos(angle)))
    return MemoryBank(bank.dim, threshold, bank.max_components, bank.device)
