"""The few components that each Gaussian reads: a query scores components, not Gaussians."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.memory.attention import attention_logits
from m3_ros.memory.memory_data import ModelMemory

TOP_K = 16
"""Components that a Gaussian reads, with their weights rescaled to one: the 16 largest of 2560 had
82 to 88 % of the weight (mean of 4000 Gaussians; three scenes, seeds 410000 to 410002)."""


def attended_components(model: ModelMemory) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the components `[N, k]` that each Gaussian attends to most, and their shares."""
    components = model.components
    count = min(TOP_K, len(components))
    parts = []
    for chunk in model.queries.split(max(1, 2**22 // len(components))):  # 16 MiB of weights
        logits = attention_logits(chunk, model.projection, components, model.temperature)
        parts.append(logits.topk(count, dim=-1))
    shares = torch.cat([part.values for part in parts]).softmax(-1)  # of the largest ones only
    return torch.cat([part.indices for part in parts]).cpu().numpy(), shares.cpu().numpy()
