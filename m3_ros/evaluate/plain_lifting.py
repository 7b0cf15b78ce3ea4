"""Baseline without M3: features lifted onto Gaussians; a query finds the best Gaussian.

As feature fields answer: no bank, no segments, no verification.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.queries import lift_queries
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.result import QueryResult
from m3_ros.splat.gaussians import SOLID_OPACITY

REACH, COUNT = 0.05, 50
"""The object is this number of the most probable Gaussians this near (m) to the best one."""
CHANNELS = 256
"""Channels that are lifted together; a pass takes at most 511."""


def lifted_features(
    memory: SpatialMemory, frames: Sequence[RgbdFrame], extractor: FeatureExtractor
) -> NDArray[np.float16]:
    """Return unit features `[N, d]` of the memory's Gaussians, the mean over all frames.

    Zero for a Gaussian that no frame shows, and for one too transparent to be anything.
    """
    store = FeatureStore()
    for frame in frames:
        found = extractor.extract(frame.rgb)
        store.append(found.features, found.valid, found.regions)
    blocks = torch.eye(extractor.dim, device=memory.device).split(CHANNELS)
    lifted = [
        lift_queries(memory.gaussians, memory.views, store, block, 1.0).queries for block in blocks
    ]
    features = torch.cat(lifted, dim=1)
    features = torch.nn.functional.normalize(features, dim=-1)
    solid = memory.gaussians.opacities.sigmoid() > SOLID_OPACITY
    return (features * solid[:, None]).half().cpu().numpy()


def by_lifting(localizer: Localizer, features: NDArray[np.float16], text: str) -> QueryResult:
    """Answer from unit features `[N, d]` of the memory's Gaussians."""
    query = localizer.scorer.query(text)
    shown = np.flatnonzero(features.any(1))
    scores = localizer.scorer.probabilities(query, features[shown].astype(np.float32))
    best = int(np.argmax(scores)) if len(shown) else -1
    if best < 0 or scores[best] < localizer.config.found_probability:
        return QueryResult(QueryStatus.NOT_FOUND, [], None, "")
    means = localizer.memory.gaussians.means.double().cpu().numpy()[shown]
    near = np.array(cKDTree(means).query_ball_point(means[best], REACH))
    points = means[near[np.argsort(-scores[near])[:COUNT]]]
    target = localizer.target(query.label, points, float(scores[best]))
    return QueryResult(QueryStatus.FOUND, [target], None, "")
