"""RRT-Connect: a collision-free path in joint space.

Kuffner and LaValle, "RRT-Connect: An Efficient Approach to Single-Query Path Planning", ICRA 2000.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from m3_ros.types import Array

EdgeFree = Callable[[Array, Array], bool]
"""Whether the straight motion between joint positions `[D]` is valid, the first excepted."""
Tree = list[tuple[Array, int]]
"""Nodes with the index of their parent; the root has -1."""

MAX_EXTENSION = 0.4
"""Most that a joint moves along one edge, rad: a seventh of a joint's range of 2.7 to 5.6
rad."""


def rrt_connect(
    start: Array,
    goal: Array,
    limits: tuple[Array, Array],
    edge_free: EdgeFree,
    max_iterations: int = 400,
) -> list[Array] | None:
    """Return the waypoints `[D]` of a valid path, shortcut; None when none was found.

    Args:
        start: joint positions `[D]` in rad.
        goal: joint positions `[D]`, valid.
        limits: lowest and highest joint positions `[D]`.
        edge_free: the collision check.
        max_iterations: samples before giving up.
    """
    rng = np.random.default_rng(0)
    trees: list[Tree] = [[(start, -1)], [(goal, -1)]]
    for turn in range(max_iterations):
        tree, other = trees if turn % 2 == 0 else trees[::-1]
        if _extend(tree, rng.uniform(*limits), edge_free) is None:
            continue
        while (reached := _extend(other, tree[-1][0], edge_free)) is False:
            pass
        if reached:
            ends = [_branch(tree), _branch(other)]
            first, last = ends if turn % 2 == 0 else ends[::-1]
            return _shortcut(first[::-1] + last[1:], edge_free)
    return None


def _extend(tree: Tree, target: Array, edge_free: EdgeFree) -> bool | None:
    """Extend a tree toward target: True reached it, False came closer, None is blocked."""
    nodes = np.array([node for node, _ in tree])
    nearest = int(np.abs(nodes - target).max(1).argmin())
    away = target - nodes[nearest]
    share = min(1.0, MAX_EXTENSION / (np.abs(away).max() + 1e-12))
    grown = nodes[nearest] + share * away
    if not edge_free(nodes[nearest], grown):
        return None
    tree.append((grown, nearest))
    return share == 1.0


def _shortcut(path: list[Array], edge_free: EdgeFree) -> list[Array]:
    """Drop the waypoints that a straight motion can skip."""
    short, i = [path[0]], 0
    while i < len(path) - 1:
        ends = range(len(path) - 1, i, -1)
        i = next(j for j in ends if j == i + 1 or edge_free(path[i], path[j]))
        short.append(path[i])
    return short


def _branch(tree: Tree) -> list[Array]:
    """Return the nodes from the newest of a tree back to its root."""
    nodes, i = [], len(tree) - 1
    while i >= 0:
        nodes.append(tree[i][0])
        i = tree[i][1]
    return nodes
