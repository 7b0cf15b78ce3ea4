"""What a question finds without M3: features lifted onto Gaussians, and the best Gaussian.

Feature fields without a memory are asked this way: no bank, no things, no second look.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from m3_ros.capture.frame import RgbdFrame
from m3_ros.features.extractor import FeatureExtractor
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.queries import lift_queries
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.localize import Localizer
from m3_ros.query.result import QueryResult

REACH, COUNT = 0.05, 50
"""Of the Gaussians this near (m) to the best one, so many most relevant ones are the thing."""
MIN_OPACITY = 0.5


def lifted_features(
    memory: SpatialMemory, frames: Sequence[RgbdFrame], extractor: FeatureExtractor
) -> NDArray[np.float16]:
    """Unit features `[N, d]` of the memory's Gaussians, the mean of what all frames show.

    Zero for a Gaussian that no frame shows, and for one too transparent to be anything.
    """
    store = FeatureStore()
    for frame in frames:
        found = extractor.extract(frame.rgb)
        store.append(found.features, found.valid, found.regions)
    every = torch.eye(extractor.dim)
    features = lift_queries(memory.gaussians, memory.views, store, every, 1.0).queries
    features = torch.nn.functional.normalize(features, dim=-1)
    solid = memory.gaussians.opacities.sigmoid() > MIN_OPACITY
    return (features * solid[:, None]).half().numpy()


def by_lifting(localizer: Localizer, features: NDArray[np.float16], prompt: str) -> QueryResult:
    """The answer of unit features `[N, d]` of the memory's Gaussians."""
    question = localizer.question(prompt)
    shown = np.flatnonzero(features.any(1))
    shares = question(features[shown].astype(np.float32))
    scores = localizer.calibration(shares, len(question.aspects))
    best = int(np.argmax(scores)) if len(shown) else -1
    if best < 0 or scores[best] < localizer.config.found_probability:
        return QueryResult("NOT_FOUND", [], None, "")
    means = localizer.memory.gaussians.means.double().numpy()[shown]
    near = np.array(cKDTree(means).query_ball_point(means[best], REACH))
    points = means[near[np.argsort(-scores[near])[:COUNT]]]
    detection = localizer.detection(question.label, points, float(scores[best]))
    return QueryResult("FOUND", [detection], None, "")
