"""What language models say of what is remembered.

The captions that `llama3` made of regions, retrieved by the principal queries; and the answer of
`llamav` from its features, rendered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from m3_ros.errors import UsageError
from m3_ros.features.loading import split_name
from m3_ros.geometry import scale_intrinsics
from m3_ros.memory.attention import attention_weights, gaussian_memory_attention
from m3_ros.memory.memory_data import ModelMemory
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.splat.gaussians import SOLID_OPACITY

NEIGHBOURS = 50
"""Solid Gaussians about a point that are asked: at a spacing of 3 mm (`splat.voxel_size`) those
within sqrt(50 / pi) * 3 mm = 12 mm of it on a surface."""
LLAMA3, LLAMAV, FIRST = "llama3", "llamav", "compact"
CAPTIONS = 10
"""Most captions that a terminal shows; the shares of the others are small."""
Captions = list[tuple[str, float]]
"""Captions and their share of the attention, largest first."""


def captions_of_view(memory: SpatialMemory, frame: int) -> Captions:
    """Return the captions that the cells of a keyframe, seen from its pose, attend to."""
    model = _captioned(memory)
    queries = _rendered(memory, model, frame).flatten(0, 1)
    return _shares(model, queries[queries.abs().amax(-1) > 0])


def captions_at(memory: SpatialMemory, point: Sequence[float]) -> Captions:
    """Return the captions that the Gaussians about a point (memory's frame and unit) attend to."""
    model = _captioned(memory)
    solid = (memory.gaussians.opacities.sigmoid() > SOLID_OPACITY) & (model.reliability > 0)
    rows = torch.nonzero(solid)[:, 0]
    place = torch.tensor(point, dtype=torch.float32, device=memory.device)
    distance = (memory.gaussians.means[rows] - place).norm(dim=1)
    nearest = rows[distance.topk(min(NEIGHBOURS, len(rows)), largest=False).indices]
    return _shares(model, model.queries[nearest])


def remembered_answer(memory: SpatialMemory, frame: int, question: str | None = None) -> str:
    """Return what Llama 3.2 Vision answers from a keyframe's remembered features.

    They are rendered from the keyframe's pose; the question is `QUESTION` unless given.

    Raises:
        UsageError: the memory was built without llamav.
        FileNotFoundError: its weights are missing.
    """
    from m3_ros.features.llamav_text import QUESTION, LlamavReader

    model = _remembered(memory, LLAMAV)
    names = map(split_name, memory.config.features.models)
    weights = next((weights for name, weights in names if name == LLAMAV), None)
    features = gaussian_memory_attention(
        _rendered(memory, model, frame), model.projection, model.components, model.temperature
    )
    reader = LlamavReader(weights, str(memory.device))
    return reader.answer(
        features.cpu().numpy(), model.sources.summary(frame), question or QUESTION
    )


def _rendered(memory: SpatialMemory, model: ModelMemory, frame: int) -> Tensor:
    """Return the principal queries `[h, w, s]` of a keyframe's cells from its pose."""
    view = memory.views[frame]
    height, width = model.sources.grids[frame].tolist()
    K = scale_intrinsics(view.K, width / view.width, height / view.height)
    size = width, height
    return memory.composite(model.queries, view.camtoworld, K, size)


def _remembered(memory: SpatialMemory, name: str) -> ModelMemory:
    if name not in memory.models or memory.models[name].sources is None:
        raise UsageError(
            f"the memory has nothing of {name}; `m3 build SCAN --encoder {FIRST} {name}`"
        )
    return memory.models[name]


def _captioned(memory: SpatialMemory) -> ModelMemory:
    model = _remembered(memory, LLAMA3)
    if not model.sources.captions:
        raise UsageError(
            f"the memory has no captions of {LLAMA3}: its features were read from files of an "
            "older version; delete the scan's features/ and build it again"
        )
    return model


def _shares(model: ModelMemory, queries: Tensor) -> Captions:
    """Return captions by their mean weight over queries `[n, s]`."""
    if not len(queries):
        return []
    weights = attention_weights(
        queries, model.projection, model.components, model.temperature
    ).mean(0)
    totals: dict[str, float] = defaultdict(float)
    for caption, weight in zip(model.sources.captions, weights.tolist(), strict=True):
        if caption:
            totals[caption] += weight
    return sorted(totals.items(), key=lambda item: -item[1])
