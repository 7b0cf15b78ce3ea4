"""Feature maps of held-out views: as a setting renders them, and of the pictures themselves."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from m3_ros.evaluate.features import Split
from m3_ros.memory.queries import Decoder, PrincipalQueries, render_queries
from m3_ros.splat import Gaussians


def rendered_maps(
    gaussians: Gaussians, split: Split, queries: PrincipalQueries, decode: Decoder
) -> list[NDArray[np.float32]]:
    """Return the unit features `[h, w, d]` that a setting renders at each held-out view."""
    views, store = split.test
    maps = []
    for row, view in enumerate(views):
        with torch.no_grad():
            image = render_queries(gaussians, queries.queries, view, store.size(row))
            features = decode(image, queries.projection, queries.temperature)
        maps.append(torch.nn.functional.normalize(features, dim=-1).numpy())
    return maps


def picture_maps(split: Split) -> list[NDArray[np.float32]]:
    """Return the unit features `[h, w, d]` of each held-out picture itself."""
    store = split.test[1]
    return [store.read_unit(row)[0].numpy() for row in range(len(store))]
