"""What one eats: fruit, vegetables, a mushroom, an egg, a donut."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, LEAF, STEM, Kit
from m3_ros.sim.objects.meshes import arc, tube


def _fruit(k: Kit, profile: list[tuple[float, float]], radius: float, height: float) -> None:
    """Body of a fruit from a unit profile (radius, height), smoothed."""
    knots = np.array(profile)
    length = np.linspace(0, 1, len(knots))
    fine = np.linspace(0, 1, 4 * len(knots))
    smooth = np.column_stack([np.interp(fine, length, knots[:, i]) for i in range(2)])
    kernel = np.array([0.25, 0.5, 0.25])
    for _ in range(3):
        smooth[1:-1] = np.stack([np.convolve(smooth[:, i], kernel, "valid") for i in range(2)], 1)
    k.lathe(smooth * [radius, height])


def _leaf(k: Kit, at: tuple[float, float, float], length: float) -> None:
    k.ellipsoid(
        (length, 0.45 * length, 0.15),
        at=(at[0] + 0.45 * length, at[1], at[2]),
        rpy=(k.u(-20, 20), -25, k.u(0, 360)),
        color=LEAF,
        collide=False,
    )


def banana(k: Kit, v: int) -> None:
    """Curved, lying; single, stubby, slim, angular, strongly bent, or two together."""
    length, r = k.u(12, 15), k.u(1.5, 1.9)
    bend = [70, 55, 85, 60, 115, 75][v] * k.u(0.9, 1.1)
    if v == 1:
        length, r = 0.75 * length, 1.15 * r
    if v == 2:
        r *= 0.85
    sides = 5 if v == 3 else 10
    radius = length / np.radians(bend)
    path = arc(radius, 90 - bend / 2, 90 + bend / 2, 13, "xy") - [0, radius, 0]
    t = np.linspace(-1, 1, 13)
    widths = r * np.sqrt(np.clip(1 - 0.85 * np.abs(t) ** 3.2, 0.04, 1))
    for y in (0.0, 1.7 * r) if v == 5 else (0.0,):
        for a, b in ((0, 5), (4, 9), (8, 13)):  # convex enough in thirds
            k.mesh(tube(path[a:b], widths[a:b], sides), at=(0, y, 0))
        stem = path[-1] + (path[-1] - path[-2]) * np.linspace(0, 0.9, 3)[:, None]
        k.tube(stem, [0.5, 0.4, 0.45], at=(0, y, 0), color=STEM if k.chance(0.5) else None)
        k.ball(0.35, at=tuple(path[0] + [0, y, 0]), color=STEM, collide=False)


def apple(k: Kit, v: int) -> None:
    """Dimpled above and below, with a stem and mostly a leaf."""
    r = k.u(3.0, 3.9)
    h = 2 * r * [0.88, 1.0, 0.8, 0.95, 0.9, 1.05][v]
    shapes = [
        [(0, 0.1), (0.35, 0), (0.8, 0.15), (1, 0.55), (0.85, 0.9), (0.4, 1), (0, 0.85)],
        [(0, 0.08), (0.4, 0), (0.75, 0.15), (1, 0.65), (0.85, 0.95), (0.35, 1), (0, 0.82)],
        [(0, 0.1), (0.5, 0), (0.95, 0.25), (1, 0.55), (0.85, 0.9), (0.45, 1), (0, 0.8)],
        [(0, 0.1), (0.3, 0), (0.62, 0.1), (0.95, 0.5), (1, 0.75), (0.5, 1), (0, 0.8)],
        [(0, 0.05), (0.5, 0), (0.9, 0.2), (1, 0.5), (0.9, 0.8), (0.5, 1), (0, 0.9)],
        [(0, 0.12), (0.3, 0), (0.7, 0.12), (0.95, 0.4), (1, 0.7), (0.6, 0.98), (0, 0.85)],
    ]
    _fruit(k, shapes[v], r, h)
    top = 0.86 * h
    k.tube([[0, 0, top], [0.1, 0, top + 1.0], [0.45, 0, top + 1.9]], 0.18, color=STEM)
    if v != 4 and k.chance(0.7):
        _leaf(k, (0.1, 0, top + 1.2), k.u(1.8, 2.8))


def pear(k: Kit, v: int) -> None:
    """Wide below, narrow above, with a stem."""
    r, h = k.u(2.7, 3.4), k.u(7.8, 10)
    neck = [0.42, 0.5, 0.36, 0.46, 0.4, 0.55][v]
    shift = [0.35, 0.3, 0.28, 0.4, 0.33, 0.36][v]
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
    )
    k.tube([[0, 0, 0.95 * h], [0.15, 0, h + 0.8], [0.5, 0, h + 1.6]], 0.18, color=STEM)
    if k.chance(0.4):
        _leaf(k, (0.1, 0, h + 0.5), k.u(1.8, 2.6))
    if v in (2, 4):
        k.turn((0, 80 + k.u(-5, 5), 0))


def lemon(k: Kit, v: int) -> None:
    """Oval with a nub at both ends, lying."""
    r, h = k.u(2.3, 2.9), k.u(6.5, 8.5)
    nub = [0.16, 0.22, 0.12, 0.2, 0.26, 0.18][v]
    belly = [0.95, 1, 0.9, 1, 0.92, 0.97][v]
    _fruit(
        k,
        [
            (0, 0),
            (nub, 0.03),
            (nub * 1.2, 0.1),
            (0.6, 0.2),
            (belly, 0.4),
            (belly, 0.6),
            (0.62, 0.8),
            (nub * 1.3, 0.91),
            (nub, 0.97),
            (0, 1),
        ],
        r,
        h,
    )
    if v in (1, 4):
        _leaf(k, (0, 0, h), 2.2)
        k.ball(0.3, at=(0, 0, h), color=STEM, collide=False)
    k.turn((0, 90 - k.u(0, 8), 0))


def carrot(k: Kit, v: int) -> None:
    """Long cone with green tops, lying."""
    r, h = k.u(1.5, 2.1), k.u(10, 14)
    shapes = [
        [(0, 0), (0.25, 0.05), (0.95, 0.9), (0.8, 0.98), (0, 1)],
        [(0, 0), (0.15, 0.03), (0.45, 0.3), (0.8, 0.7), (1, 0.93), (0, 1)],
        [(0, 0), (0.5, 0.04), (0.75, 0.4), (0.95, 0.9), (0.7, 1), (0, 1)],
        [(0, 0), (0.2, 0.05), (0.85, 0.6), (1.0, 0.9), (0.7, 1), (0, 1)],
        [(0, 0), (0.3, 0.1), (0.55, 0.5), (0.9, 0.92), (0, 1)],
        [(0, 0), (0.6, 0.1), (0.9, 0.5), (1, 0.9), (0.6, 1), (0, 1)],
    ]
    if v == 5:
        r, h = 1.3 * r, 0.7 * h
    k.lathe(np.array(shapes[v]) * [r, h])
    for _ in range(int(k.rng.integers(3, 6)) if v != 2 else 1):
        lean = k.rng.normal(0, 0.35 if v != 2 else 0.1, 2)
        length = k.u(2.5, 5) if v != 2 else 1.2
        points = np.linspace(0, 1, 4)[:, None] * [*(lean * length), length]
        k.tube(points, [0.3, 0.25, 0.2, 0.35], at=(0, 0, h - 0.2), color=LEAF)
    k.turn((0, 90, k.u(0, 360)))


def mushroom(k: Kit, v: int) -> None:
    """Cap in the main colour on a pale stem."""
    r, h = k.u(2.6, 3.8), k.u(5.5, 8)
    cap = [
        [(0, 0.55), (0.9, 0.5), (1, 0.6), (0.85, 0.8), (0.45, 0.96), (0, 1)],
        [(0, 0.65), (1, 0.6), (0.95, 0.72), (0.6, 0.92), (0, 1)],
        [(0, 0.5), (0.65, 0.4), (0.75, 0.55), (0.6, 0.8), (0.3, 0.96), (0, 1)],
        [(0, 0.75), (0.95, 0.7), (1.05, 0.8), (0.7, 0.93), (0, 0.97)],
        [(0, 0.5), (0.85, 0.5), (1, 0.65), (0.95, 0.8), (0.6, 0.97), (0, 1)],
        [(0, 0.6), (0.95, 0.42), (1, 0.5), (0.6, 0.75), (0.25, 0.95), (0, 1)],
    ][v]
    k.lathe(np.array(cap) * [r, h])
    foot = r * k.u(0.32, 0.45)
    k.lathe(
        np.array([(0, 0), (1.2, 0), (1.25, 0.15), (0.9, 0.5), (0.85, 0.6), (0, 0.6)]) * [foot, h],
        color=CREAM,
    )
    if k.chance(0.5):  # toadstool dots
        for angle in np.arange(6) * np.pi / 3 + k.u(0, 1):
            k.ball(
                0.16 * r,
                at=(0.62 * r * np.cos(angle), 0.62 * r * np.sin(angle), 0.84 * h),
                color=CREAM,
                collide=False,
            )


def egg(k: Kit, v: int) -> None:
    """Lying, standing in a cup, or standing on its end; pointed or round."""
    r, h = k.u(2.0, 2.6), k.u(5.4, 6.6)
    angle = np.linspace(0, np.pi, 16)
    point = [0.12, 0.2, 0.15, 0.08, 0.18, 0.13][v]
    body = np.column_stack([np.sin(angle) * (1 + point * np.cos(angle)), (1 - np.cos(angle)) / 2])
    k.lathe(body * [r, h])
    if v in (0, 1, 5):
        k.turn((0, 90 - k.u(0, 12), k.u(0, 360)))
    elif v in (2, 4):
        foot = 0.85 * r
        k.lathe(
            np.array(
                [
                    (0, -1.6),
                    (0.9, -1.6),
                    (0.4, -1.0),
                    (0.5, -0.5),
                    (1.1, 0.8),
                    (1.15, 1.9),
                    (1.0, 1.9),
                    (0, 1.2),
                ]
            )
            * [foot, 1],
            color=k.accent,
        )


def donut(k: Kit, v: int) -> None:
    """Ring with icing in the main colour."""
    r, t = k.u(2.6, 3.0), k.u(1.0, 1.35)
    dough = (0.80, 0.60, 0.36)
    ring = arc(r, 0, 360, 25, "xy")
    parts = 3 if v != 5 else 4
    if v == 4:  # all in the main colour
        for i in range(3):
            k.tube(ring[8 * i : 8 * i + 9], t, collide=True)
        return
    k.tube(ring, t, color=dough)
    for i in range(parts):
        step = 24 // parts
        k.tube(ring[step * i : step * i + step + 1], 0.97 * t, at=(0, 0, 0.22 * t), collide=True)
    if v in (1, 3, 5):
        for _ in range(16):
            a, b = k.u(0, 2 * np.pi), k.u(-0.5, 0.5) * t
            k.capsule(
                0.12,
                0.5,
                rpy=(90, 0, k.u(0, 360)),
                collide=False,
                at=((r + b) * np.cos(a), (r + b) * np.sin(a), 1.2 * t - 0.25 * abs(b)),
                color=tuple(k.rng.uniform(0.1, 1, 3)),
            )
