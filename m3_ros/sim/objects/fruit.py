"""Fruit: bananas, apples, pears, lemons."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, LEAF, STEM, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, lathe, lobed, tube


def _fruit(
    k: ObjectBuilder,
    profile: list[tuple[float, float]],
    radius: float,
    height: float,
    lobes: int = 0,
    lean: float = 0.0,
) -> None:
    """Body of a fruit from a unit profile (radius, height), smoothed; lobed, its top leaning."""
    knots = np.array(profile)
    length = np.linspace(0, 1, len(knots))
    fine = np.linspace(0, 1, 4 * len(knots))
    smooth = np.column_stack([np.interp(fine, length, knots[:, i]) for i in range(2)])
    kernel = np.array([0.25, 0.5, 0.25])
    for _ in range(3):
        smooth[1:-1] = np.stack([np.convolve(smooth[:, i], kernel, "valid") for i in range(2)], 1)
    smooth = smooth * [radius, height]
    body = lobed(smooth, lobes, 0.04) if lobes else lathe(smooth)
    if lean:
        body[0][:, 0] += lean * radius * (body[0][:, 2] / height) ** 2
    k.mesh(body)


def _leaf(k: ObjectBuilder, at: tuple[float, float, float], length: float) -> None:
    k.ellipsoid(
        (length, 0.45 * length, 0.15),
        at=(at[0] + 0.45 * length, at[1], at[2]),
        rpy=(k.u(-20, 20), -25, k.u(0, 360)),
        color=LEAF,
        collide=False,
    )


def banana(k: ObjectBuilder, v: int) -> None:
    """Curved, lying; stubby, slim, angular, strongly bent, two; three, straight, with a label."""
    length, r = k.u(12, 15), k.u(1.5, 1.9)
    bend = [70, 55, 85, 60, 115, 75, 65, 42, 80][v] * k.u(0.9, 1.1)
    if v == 1:
        length, r = 0.75 * length, 1.15 * r
    if v == 2:
        r *= 0.85
    if v == 6:
        r *= 0.75
    sides = {3: 5, 7: 4}.get(v, 10)
    radius = length / np.radians(bend)
    path = arc(radius, 90 - bend / 2, 90 + bend / 2, 13, "xy") - [0, radius, 0]
    t = np.linspace(-1, 1, 13)
    widths = r * np.sqrt(np.clip(1 - 0.85 * np.abs(t) ** 3.2, 0.04, 1))
    for y in {5: (0.0, 1.7 * r), 6: (-1.6 * r, 0.0, 1.6 * r)}.get(v, (0.0,)):
        for a, b in ((0, 5), (4, 9), (8, 13)):  # convex enough in thirds
            k.mesh(tube(path[a:b], widths[a:b], sides), at=(0, y, 0))
        stem = path[-1] + (path[-1] - path[-2]) * np.linspace(0, 0.9, 3)[:, None]
        k.tube(stem, [0.5, 0.4, 0.45], at=(0, y, 0), color=STEM if k.chance(0.5) else None)
        k.ball(0.35, at=tuple(path[0] + [0, y, 0]), color=STEM, collide=False)
    if v == 6:
        k.capsule(0.7, 2.4 * r, at=tuple(stem[-1]), rpy=(90, 0, 0), color=STEM)
    elif v == 8:
        k.ellipsoid((1.9, 1.4, 0.3), at=(0, 0, 0.97 * r), color=k.accent, collide=False)


def apple(k: ObjectBuilder, v: int) -> None:
    """Dimpled, with a stem and mostly a leaf; six outlines; five lobes, heart-like, leaning."""
    r = k.u(3.0, 3.9)
    h = 2 * r * [0.88, 1.0, 0.8, 0.95, 0.9, 1.05, 1.0, 0.95, 0.92][v]
    shapes = [
        [(0, 0.1), (0.35, 0), (0.8, 0.15), (1, 0.55), (0.85, 0.9), (0.4, 1), (0, 0.85)],
        [(0, 0.08), (0.4, 0), (0.75, 0.15), (1, 0.65), (0.85, 0.95), (0.35, 1), (0, 0.82)],
        [(0, 0.1), (0.5, 0), (0.95, 0.25), (1, 0.55), (0.85, 0.9), (0.45, 1), (0, 0.8)],
        [(0, 0.1), (0.3, 0), (0.62, 0.1), (0.95, 0.5), (1, 0.75), (0.5, 1), (0, 0.8)],
        [(0, 0.05), (0.5, 0), (0.9, 0.2), (1, 0.5), (0.9, 0.8), (0.5, 1), (0, 0.9)],
        [(0, 0.12), (0.3, 0), (0.7, 0.12), (0.95, 0.4), (1, 0.7), (0.6, 0.98), (0, 0.85)],
        [(0, 0.15), (0.35, 0), (0.65, 0.1), (0.9, 0.45), (1, 0.75), (0.7, 1), (0, 0.8)],
        [(0, 0.02), (0.2, 0), (0.6, 0.2), (0.95, 0.6), (1, 0.8), (0.65, 1), (0, 0.72)],
        [(0, 0.05), (0.4, 0), (0.85, 0.15), (1, 0.45), (0.9, 0.75), (0.5, 1), (0, 0.88)],
    ]
    _fruit(k, shapes[v], r, h, lobes=5 if v == 6 else 0, lean=0.3 if v == 8 else 0.0)
    top = 0.86 * h
    k.tube([[0, 0, top], [0.1, 0, top + 1.0], [0.45, 0, top + 1.9]], 0.18, color=STEM)
    if v != 4 and k.chance(0.7):
        _leaf(k, (0.1, 0, top + 1.2), k.u(1.8, 2.8))


def pear(k: ObjectBuilder, v: int) -> None:
    """Wide below, narrow above, with a stem; upright or lying; bent, short and broad, slender."""
    r, h = k.u(2.7, 3.4), k.u(7.8, 10)
    r, h = r * [1, 1, 1, 1, 1, 1, 1, 1.15, 0.85][v], h * [1, 1, 1, 1, 1, 1, 1, 0.78, 1.15][v]
    neck = [0.42, 0.5, 0.36, 0.46, 0.4, 0.55, 0.36, 0.4, 0.45][v]
    shift = [0.35, 0.3, 0.28, 0.4, 0.33, 0.36, 0.3, 0.42, 0.27][v]
    lean = 0.45 if v == 6 else 0.0
    _fruit(
        k,
        [
            (0, 0.03),
            (0.4, 0),
            (0.9, 0.14),
            (1, shift),
            (0.8, shift + 0.18),
            (neck, 0.74),
            (neck * 0.9, 0.88),
            (neck * 0.5, 0.98),
            (0, 0.96),
        ],
        r,
        h,
        lean=lean,
    )
    stem = np.array([[0, 0, 0.95 * h], [0.15, 0, h + 0.8], [0.5, 0, h + 1.6]])
    k.tube(stem + [lean * r, 0, 0], 0.18, color=STEM)
    if k.chance(0.4):
        _leaf(k, (0.1, 0, h + 0.5), k.u(1.8, 2.6))
    if v in (2, 4, 8):
        k.turn((0, 80 + k.u(-5, 5), 0))


def lemon(k: ObjectBuilder, v: int) -> None:
    """Oval with a nub at both ends, lying; round and standing, cut in half, one long nub."""
    r, h = k.u(2.3, 2.9), k.u(6.5, 8.5)
    if v == 7:  # the cut face up
        r *= 1.2
        k.lathe([(0, -1.1 * r), (0.2 * r, -1.05 * r), (0.75 * r, -0.7 * r), (r, 0), (0, 0)])
        k.cylinder(0.93 * r, 0.12, color=CREAM, collide=False)
        for yaw in range(0, 360, 45):
            k.ellipsoid(
                (0.72 * r, 0.5 * r, 0.3),
                at=arc(0.48 * r, yaw, yaw, 1, "xy")[0],
                rpy=(0, 0, yaw),
                collide=False,
            )
        return
    h *= 0.85 if v == 6 else 1.0
    nub = [0.16, 0.22, 0.12, 0.2, 0.26, 0.18, 0.12, 0, 0.2][v]
    belly = [0.95, 1, 0.9, 1, 0.92, 0.97, 1.1, 0, 0.95][v]
    waist = 0.3 if v == 8 else 0.2
    _fruit(
        k,
        [
            (0, 0),
            (nub, 0.03),
            (nub * 1.2, 0.1),
            (0.6, waist),
            (belly, waist + 0.2),
            (belly, 0.6 if v != 8 else 0.72),
            (0.62, 0.8),
            (nub * 1.3, 0.91),
            (nub, 0.97),
            (0, 1),
        ],
        r,
        h,
    )
    if v in (1, 4, 6):
        _leaf(k, (0, 0, h), 2.2)
        k.ball(0.3, at=(0, 0, h), color=STEM, collide=False)
    if v != 6:
        k.turn((0, 90 - k.u(0, 8), 0))
