"""Damage the content of files at random."""

from __future__ import annotations

import json
import math

import numpy as np
import yaml

VALUES = (
    None, True, -1, 0, 1, 1.5, 1e30, 2**31, 10**400, math.nan, math.inf, "", "x", "\0", "../..",
    "a" * 5000, [], {}, [1, 2], [None], {"a": 1}, [[1.0] * 4] * 4, [[[[]]]], {"x": {"y": []}},
)  # fmt: skip


def damage(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Return the content of a file after one to three random changes."""
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.7 and name.endswith((".json", ".yaml")):
            content = damage_fields(content, name, rng)
        else:
            content = damage_bytes(content, rng)
    return content


def damage_fields(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Return JSON or YAML with a field replaced, removed or added."""
    load, dump = (json.loads, json.dumps) if name.endswith(".json") else (_load_yaml, yaml.dump)
    try:
        tree = load(content)
        parent, key = tree, None
        while isinstance(parent, dict | list) and len(parent):
            keys = list(parent) if isinstance(parent, dict) else range(len(parent))
            key = keys[rng.integers(len(keys))]
            if rng.random() < 0.3 or not isinstance(parent[key], dict | list):
                break
            parent = parent[key]
        if key is None or not isinstance(parent, dict | list) or not len(parent):
            return content
        value = VALUES[rng.integers(len(VALUES))]
        if rng.random() < 0.15:
            del parent[key]
        elif rng.random() < 0.1 and isinstance(parent, dict):
            parent[str(key) + "x"] = value
        else:
            parent[key] = value
        return dump(tree).encode()
    except (ValueError, TypeError, RecursionError, yaml.YAMLError):
        return damage_bytes(content, rng)


def _load_yaml(content: bytes) -> object:
    return yaml.load(content, getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def damage_bytes(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes with some flipped, removed, repeated or cut off."""
    data = bytearray(content)
    start = int(rng.integers(len(data) + 1)) if rng.random() < 0.5 else int(rng.integers(200))
    length = int(rng.integers(1, 16))
    match rng.integers(4):
        case 0:
            data[start : start + length] = rng.bytes(length)
        case 1:
            del data[start : start + length]
        case 2:
            data[start:start] = bytes(data[start : start + length]) * int(rng.integers(1, 4))
        case _:
            data = data[:start]
    return bytes(data)
