"""Other food: carrots, mushrooms, eggs, donuts."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, LEAF, WOOD, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, lathe


def carrot(k: ObjectBuilder, v: int) -> None:
    """Long cone with green tops, lying; six outlines; two tied together, grooved, bent."""
    r, h = k.u(1.5, 2.1), k.u(10, 14)
    if v == 6:
        r *= 0.85
    shapes = [
        [(0, 0), (0.25, 0.05), (0.95, 0.9), (0.8, 0.98), (0, 1)],
        [(0, 0), (0.15, 0.03), (0.45, 0.3), (0.8, 0.7), (1, 0.93), (0, 1)],
        [(0, 0), (0.5, 0.04), (0.75, 0.4), (0.95, 0.9), (0.7, 1), (0, 1)],
        [(0, 0), (0.2, 0.05), (0.85, 0.6), (1.0, 0.9), (0.7, 1), (0, 1)],
        [(0, 0), (0.3, 0.1), (0.55, 0.5), (0.9, 0.92), (0, 1)],
        [(0, 0), (0.6, 0.1), (0.9, 0.5), (1, 0.9), (0.6, 1), (0, 1)],
        [(0, 0), (0.2, 0.03), (0.6, 0.35), (1, 0.92), (0.7, 1), (0, 1)],
        [(0, 0), (0.3, 0.02), (1.05, 0.75), (1.2, 0.9), (0.9, 1), (0, 1)],
        [(0, 0), (0.3, 0.04), (0.6, 0.25), (0.8, 0.5), (0.95, 0.75), (1, 0.93), (0.6, 1), (0, 1)],
    ]
    if v == 5:
        r, h = 1.3 * r, 0.7 * h
    root = lathe(np.array(shapes[v]) * [r, h])
    if v == 8:
        root[0][:, 0] += 1.4 * r * (1 - root[0][:, 2] / h) ** 2
    k.mesh(root)
    if v == 6:
        k.mesh(root, at=(0, 1.9 * r, 0))
        k.tube(arc(1.0, 0, 360, 19, "xy") * [r, 1.9 * r, 1], 0.3, at=(0, r, 0.8 * h), color=CREAM)
    if v == 7:
        dark = tuple(0.6 * np.asarray(k.main))
        for z in (0.3, 0.45, 0.55, 0.7, 0.82):
            k.ring((0.28 + 1.02 * z) * r, 0.08, at=(0, 0, z * h), color=dark)
    for _ in range(int(k.rng.integers(3, 6)) if v != 2 else 1):
        lean = k.rng.normal(0, 0.35 if v != 2 else 0.1, 2)
        length = k.u(2.5, 5) if v != 2 else 1.2
        points = np.linspace(0, 1, 4)[:, None] * [*(lean * length), length]
        k.tube(points, [0.3, 0.25, 0.2, 0.35], at=(0, 0, h - 0.2), color=LEAF)
    k.turn((0, 90, k.u(0, 360)))


def mushroom(k: ObjectBuilder, v: int) -> None:
    """Cap in the main colour on a pale stem; six caps; round with big spots, two, a funnel."""
    r, h = k.u(2.6, 3.8), k.u(5.5, 8)
    cap = [
        [(0, 0.55), (0.9, 0.5), (1, 0.6), (0.85, 0.8), (0.45, 0.96), (0, 1)],
        [(0, 0.65), (1, 0.6), (0.95, 0.72), (0.6, 0.92), (0, 1)],
        [(0, 0.5), (0.65, 0.4), (0.75, 0.55), (0.6, 0.8), (0.3, 0.96), (0, 1)],
        [(0, 0.75), (0.95, 0.7), (1.05, 0.8), (0.7, 0.93), (0, 0.97)],
        [(0, 0.5), (0.85, 0.5), (1, 0.65), (0.95, 0.8), (0.6, 0.97), (0, 1)],
        [(0, 0.6), (0.95, 0.42), (1, 0.5), (0.6, 0.75), (0.25, 0.95), (0, 1)],
        [(0, 0.4), (0.8, 0.4), (1.05, 0.55), (1.05, 0.7), (0.8, 0.92), (0.4, 1.05), (0, 1.08)],
        [(0, 0.6), (0.75, 0.58), (0.85, 0.66), (0.75, 0.85), (0.4, 0.97), (0, 1)],
        [(0, 0.5), (0.35, 0.6), (0.75, 0.8), (1, 1), (0.95, 1.02), (0.6, 0.95), (0, 0.8)],
    ][v]
    k.lathe(np.array(cap) * [r, h])
    if v == 7:  # a small one beside it
        side = {"at": (0.85 * r, 0.6 * r, 0)}
        k.lathe(np.array(cap) * [0.62 * r, 0.6 * h], **side)
        k.lathe(np.array([(0, 0), (0.3, 0), (0.25, 0.4), (0, 0.4)]) * [r, h], color=CREAM, **side)
    if v == 6:
        k.ellipsoid((0.7 * r, 0.7 * r, 0.4), at=(0, 0, 1.06 * h), color=CREAM, collide=False)
        for x, y, _ in arc(0.84 * r, 0, 288, 5, "xy"):
            k.ball(0.27 * r, at=(x, y, 0.72 * h), color=CREAM, collide=False)
    foot = r * k.u(0.32, 0.45)
    k.lathe(
        np.array([(0, 0), (1.2, 0), (1.25, 0.15), (0.9, 0.5), (0.85, 0.6), (0, 0.6)]) * [foot, h],
        color=CREAM,
    )
    if v < 6 and k.chance(0.5):  # toadstool dots
        for angle in np.arange(6) * np.pi / 3 + k.u(0, 1):
            k.ball(
                0.16 * r,
                at=(0.62 * r * np.cos(angle), 0.62 * r * np.sin(angle), 0.84 * h),
                color=CREAM,
                collide=False,
            )


def egg(k: ObjectBuilder, v: int) -> None:
    """Lying, in a cup, on its end; pointed or round; banded, in a nest, with a zigzag line."""
    r, h = k.u(2.0, 2.6), k.u(5.4, 6.6)
    angle = np.linspace(0, np.pi, 16)
    point = [0.12, 0.2, 0.15, 0.08, 0.18, 0.13, 0.16, 0.1, 0.14][v]
    body = np.column_stack([np.sin(angle) * (1 + point * np.cos(angle)), (1 - np.cos(angle)) / 2])
    k.lathe(body * [r, h])
    shell = np.column_stack([np.interp(t := np.linspace(0, 1, 21), body[:, 1], body[:, 0]), t])
    if v == 6:  # painted for Easter
        for low in (5, 11):
            band = shell[low : low + 4] * [r, h]
            k.lathe(band + [0.03, 0], color=k.accent, collide=False)
    elif v == 7:  # a nest of twigs
        for i in range(7):
            bend = {"at": (0, 0, 0.35 + 0.2 * i), "rpy": (*k.rng.uniform(-8, 8, 2), 0)}
            k.ring((0.75 + 0.07 * i) * r, 0.35, color=WOOD, **bend)
    elif v == 8:
        turn = np.linspace(0, 2 * np.pi, 21)
        z = 0.5 + 0.06 * (-1) ** np.arange(21)
        width = np.interp(z, shell[:, 1], shell[:, 0]) * r
        k.tube(
            np.column_stack([width * np.cos(turn), width * np.sin(turn), z * h]),
            0.13,
            color=k.accent,
        )
    if v in (0, 1, 5, 8):
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


def donut(k: ObjectBuilder, v: int) -> None:
    """Ring with icing in the main colour, or all in it; sprinkles; bitten, drizzled, of balls."""
    r, t = k.u(2.6, 3.0), k.u(1.0, 1.35)
    dough = (0.80, 0.60, 0.36)
    ring = arc(r, 0, 360, 25, "xy")
    parts = 3 if v != 5 else 4
    if v == 8:
        for at in arc(r, 0, 315, 8, "xy"):
            k.ball(1.15 * t, at=at)
        return
    if v == 6:  # bitten: two quarters of the ring are left, and most of a third
        k.tube(ring[:20], t, color=dough)
        for i in (0, 7, 13):
            k.tube(ring[i : i + 8 if i < 13 else 20], 0.97 * t, at=(0, 0, 0.22 * t), collide=True)
        return
    if v == 4:  # all in the main colour
        for i in range(3):
            k.tube(ring[8 * i : 8 * i + 9], t, collide=True)
        return
    k.tube(ring, t, color=dough)
    for i in range(parts):
        step = 24 // parts
        k.tube(ring[step * i : step * i + step + 1], 0.97 * t, at=(0, 0, 0.22 * t), collide=True)
    if v == 7:
        for angle in np.arange(12) * 30:
            stripe = arc(0.98 * t, 20, 160, 7) + [r, 0, 0.22 * t]
            k.tube(stripe, 0.14, rpy=(0, 0, angle), color=k.accent)
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
