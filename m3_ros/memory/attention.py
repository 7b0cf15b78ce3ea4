"""Gaussian memory attention (M3 paper, Eq. 2) of principal queries over the memory bank.

`R = softmax(cos(Q W, P) / temperature) P` for queries Q `[..., s]`, projection W `[s, d]` and raw
components P `[t, d]`. Since `cos(q W, p) = q . (W p / |p|) / |q W|`, the weights need only s
numbers a component, and no tensor of dimension d but the values.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, normalize

CHUNK_ELEMENTS = 2**24
"""Most attention weights in memory at once (64 MiB of float32)."""


def attention_weights(
    queries: Tensor, projection: Tensor, components: Tensor, temperature: float | Tensor = 0.05
) -> Tensor:
    """Return the weight `[..., t]` of every component for every query; each row sums to one.

    A zero query has equal weights. Arguments as `read_values`.
    """
    return torch.softmax(attention_logits(queries, projection, components, temperature), dim=-1)


def attention_logits(
    queries: Tensor, projection: Tensor, components: Tensor, temperature: float | Tensor = 0.05
) -> Tensor:
    """Return the logarithms `[..., t]` of the weights, each row up to a constant."""
    keys = projection @ normalize(components, dim=-1).T
    gram = projection @ projection.T
    length = ((queries @ gram) * queries).sum(-1, keepdim=True).clamp_min(1e-24).sqrt()
    return queries / (temperature * length) @ keys


def read_values(
    queries: Tensor,
    projection: Tensor,
    components: Tensor,
    values: Tensor,
    temperature: float | Tensor = 0.05,
    top_k: int | None = None,
) -> Tensor:
    """Return the attention-weighted mean `[..., m]` of the components' values.

    Works in chunks of queries, so memory is bounded.

    Args:
        queries: Principal queries `[..., s]`, of Gaussians or alpha-composited at pixels.
        projection: W `[s, d]`.
        components: Raw principal scene components `[t, d]`.
        values: `[t, m]`, one row a component.
        temperature: Of the softmax, > 0.
        top_k: Use only the k largest weights, rescaled to sum to one; None: all.

    Raises:
        ValueError: Shapes do not fit, no components, or a bad temperature or top_k.
    """
    _check(queries, projection, components, temperature, top_k)
    flat = queries.reshape(-1, queries.shape[-1])
    parts = []
    for chunk in flat.split(max(1, CHUNK_ELEMENTS // len(components))):
        weights = attention_weights(chunk, projection, components, temperature)
        if top_k is None or top_k >= len(components):
            parts.append(weights @ values)
        else:  # reads k rows of the values, not all t
            largest, index = weights.topk(top_k, dim=-1)
            largest = largest / largest.sum(-1, keepdim=True)
            parts.append(embedding_bag(index, values, per_sample_weights=largest, mode="sum"))
    result = torch.cat(parts) if parts else flat.new_zeros(0, values.shape[-1])
    return result.reshape(*queries.shape[:-1], values.shape[-1])


def gaussian_memory_attention(
    queries: Tensor,
    projection: Tensor,
    components: Tensor,
    temperature: float | Tensor = 0.05,
    top_k: int | None = None,
) -> Tensor:
    """Return features `[..., d]` in the foundation model's space; arguments as `read_values`."""
    return read_values(queries, projection, components, components, temperature, top_k)


def similarity(
    queries: Tensor,
    projection: Tensor,
    components: Tensor,
    text: Tensor,
    temperature: float | Tensor = 0.05,
    top_k: int | None = None,
) -> Tensor:
    """Return inner products `[..., m]` of the decoded features with `text [m, d]`.

    Equal to `gaussian_memory_attention(...) @ text.T` without decoding to d numbers.
    """
    _check(queries, projection, components, temperature, top_k)
    if text.ndim != 2 or text.shape[1] != components.shape[1]:
        raise ValueError(f"text {tuple(text.shape)} must be [m, {components.shape[1]}]")
    return read_values(queries, projection, components, components @ text.T, temperature, top_k)


def _check(
    queries: Tensor,
    projection: Tensor,
    components: Tensor,
    temperature: float | Tensor,
    top_k: int | None,
) -> None:
    s, d = projection.shape
    if queries.shape[-1] != s:
        raise ValueError(
            f"queries {tuple(queries.shape)} must be [..., {s}], as projection's rows"
        )
    if components.ndim != 2 or components.shape[1] != d or not len(components):
        raise ValueError(f"components {tuple(components.shape)} must be [t, {d}], t > 0")
    if not temperature > 0:
        raise ValueError(f"temperature = {float(temperature)}: it must be above 0")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k = {top_k}: it must be at least 1")
