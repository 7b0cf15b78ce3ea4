"""Damage the content of files at random."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import yaml

VALUES = (
    None, True, -1, 0, 1, 1.5, 1e30, 2**31, 10**400, math.nan, math.inf, "", "x", "\0", "../..",
    "a" * 5000, [], {}, [1, 2], [None], {"a": 1}, [[1.0] * 4] * 4, [[[[]]]], {"x": {"y": []}},
)  # fmt: skip


WORDS = (
    "", "0", "-1", "1.5", "1e30", "1e999", "nan", "inf", "x", "\0", "#", "-", "1" * 30,
    "2147483648", "18446744073709551615", "a b", "é", "../../a.png", "a" * 5000,
)  # fmt: skip
NUMBERS = (
    *(struct.pack("<d", value) for value in (0.0, -1.0, 1e300, 1e-300, math.nan, math.inf)),
    *(struct.pack("<Q", value) for value in (0, 1, 2**31, 2**32 - 1, 2**40, 2**63, 2**64 - 1)),
    *(struct.pack("<i", value) for value in (0, -1, 7, 2**31 - 1)),
)


def damage(content: bytes, name: str, rng: np.random.Generator) -> bytes:
    """Return the content of a file after one to three random changes."""
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 0.7 and name.endswith((".json", ".yaml")):
            content = damage_fields(content, name, rng)
        elif rng.random() < 0.8 and name.endswith(".txt"):
            content = damage_words(content, rng)
        elif rng.random() < 0.5 and name.endswith((".bin", ".ply", ".safetensors")):
            content = damage_numbers(content, rng)
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


def damage_words(content: bytes, rng: np.random.Generator) -> bytes:
    """Return a table of text with a word replaced, or a line removed or repeated."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    row = int(rng.integers(len(lines)))
    words = lines[row].split(" ")
    match rng.integers(4):
        case 0:
            del lines[row]
        case 1:
            lines.insert(int(rng.integers(len(lines) + 1)), lines[row])
        case _:
            words[rng.integers(len(words))] = WORDS[rng.integers(len(WORDS))]
            lines[row] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def damage_numbers(content: bytes, rng: np.random.Generator) -> bytes:
    """Return binary data with a number replaced."""
    number = NUMBERS[rng.integers(len(NUMBERS))]
    start = int(rng.integers(len(content) + 1))
    return content[:start] + number + content[start + len(number) :]


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
