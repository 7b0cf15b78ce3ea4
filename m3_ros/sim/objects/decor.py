"""Decoration: vases, candles, bells."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, STEEL, WOOD, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, lathe, pressed, wall


def vase(k: ObjectBuilder, v: int) -> None:
    """Open, tall, with a flowing outline; amphora, bulb with a thin neck, square."""
    r, h = k.u(2.8, 3.8), k.u(11, 17)
    outline = [
        [(0.5, 0), (0.8, 0.15), (1.0, 0.38), (0.75, 0.65), (0.4, 0.85), (0.6, 1)],
        [(0.6, 0), (0.5, 0.1), (0.75, 0.3), (1.0, 0.6), (0.8, 0.8), (0.45, 0.9), (0.55, 1)],
        [(0.7, 0), (0.95, 0.2), (0.9, 0.45), (0.35, 0.65), (0.3, 0.85), (0.5, 1)],
        [(0.45, 0), (0.5, 0.4), (0.7, 0.75), (1.0, 1)],
        [(0.4, 0), (0.35, 0.08), (0.85, 0.25), (1.0, 0.45), (0.6, 0.75), (0.45, 0.88), (0.75, 1)],
        [(0.75, 0), (0.5, 0.25), (0.55, 0.5), (0.95, 0.75), (0.6, 0.92), (0.8, 1)],
        [(0.45, 0), (0.3, 0.08), (0.9, 0.5), (0.85, 0.65), (0.35, 0.78), (0.35, 0.92), (0.55, 1)],
        [(0.6, 0), (1.0, 0.12), (1.0, 0.25), (0.55, 0.42), (0.25, 0.5), (0.22, 0.9), (0.32, 1)],
        [(0.85, 0), (0.85, 0.1), (0.8, 0.5), (0.72, 0.8), (0.55, 0.9), (0.6, 1)],
    ][v]
    scaled = np.array(outline) * [r, h]
    grid = np.linspace(0, 1, 3 * len(scaled))
    knots = np.linspace(0, 1, len(scaled))
    smooth = np.column_stack([np.interp(grid, knots, scaled[:, i]) for i in range(2)])
    profile = wall([tuple(p) for p in smooth], 0.3)
    k.mesh(pressed(profile) if v == 8 else lathe(profile))
    if v == 6:
        ear = np.array(
            [[0.8, 0, 0.6], [0.98, 0, 0.72], [0.95, 0, 0.86], [0.75, 0, 0.93], [0.3, 0, 0.9]]
        )
        for yaw in (0, 180):
            k.tube(ear * [r, 1, h], 0.35, rpy=(0, 0, yaw))
    if k.chance(0.3) and v != 8:
        i = len(smooth) // 2
        k.tube(arc(smooth[i, 0], 0, 360, 21, "xy"), 0.25, at=(0, 0, smooth[i, 1]), color=k.accent)


def candle(k: ObjectBuilder, v: int) -> None:
    """Wax with a wick: pillar, taper, tea light, twisted, stepped, ball; votive, saucer, three."""
    r, h = k.u(2.0, 3.0), k.u(5.5, 10)
    wicks = [(0.0, 0.0)]
    if v == 0:
        k.cylinder(r, h, at=(0, 0, h / 2))
    elif v == 1:
        h, foot = k.u(9, 14), k.u(2.6, 3.4)
        k.lathe([(0, 0), (foot, 0), (foot, 0.5), (1.3, 0.9), (1.3, 2.2), (0, 2.2)], color=k.accent)
        k.lathe([(0, 1), (1.1, 1), (0.75, h), (0, h + 0.2)])
    elif v == 2:
        r, h = k.u(2.4, 3.2), k.u(2.2, 3.2)
        k.lathe(
            [(0, 0), (r, 0), (r, h), (r - 0.2, h), (r - 0.2, h - 0.5), (0, h - 0.5)], color=STEEL
        )
        h -= 0.2
        k.cylinder(r - 0.2, h - 0.2, at=(0, 0, (h + 0.1) / 2))
    elif v == 3:
        k.cylinder(0.8 * r, h, at=(0, 0, h / 2))
        t = np.linspace(0, 1, 40)
        for phase in (0, np.pi):
            spiral = np.column_stack([np.cos(9 * t + phase), np.sin(9 * t + phase), t])
            k.tube(spiral * [0.75 * r, 0.75 * r, h], 0.3 * r)
    elif v == 4:
        k.lathe(
            [
                (0, 0),
                (1.25 * r, 0),
                (1.25 * r, 0.3 * h),
                (r, 0.33 * h),
                (r, 0.66 * h),
                (0.75 * r, 0.7 * h),
                (0.75 * r, h),
                (0, h),
            ]
        )
    elif v == 6:  # in a coloured glass
        k.lathe(wall([(1.1 * r, 0), (1.2 * r, 0.2 * h), (1.3 * r, 0.8 * h)], 0.25))
        h *= 0.6
        k.cylinder(r, h - 0.6, at=(0, 0, h / 2), color=CREAM)
    elif v == 7:  # on a saucer with a finger ring
        h *= 0.8
        k.lathe([(0, 0), (2.6, 0), (3.6, 0.9), (3.4, 0.9), (2.5, 0.4), (0, 0.4)], color=STEEL)
        k.tube(arc(1.0, 0, 360, 15), 0.25, at=(4.3, 0, 1.0), color=STEEL)
        k.lathe([(0, 0.4), (0.75 * r, 0.4), (0.7 * r, h - 0.4), (0.4 * r, h), (0, h)])
    elif v == 8:  # wide, with three wicks
        r, h = 1.5 * r, 0.6 * h
        k.lathe([(0, 0), (r, 0), (r, h), (0.85 * r, h + 0.3), (0.8 * r, h), (0, h)])
        k.cylinder(1.02 * r, 0.3 * h, at=(0, 0, 0.35 * h), color=k.accent, collide=False)
        wicks = [tuple(point[:2]) for point in arc(0.4 * r, 0, 240, 3, "xy")]
    else:
        r = k.u(2.6, 3.4)
        h = 1.9 * r
        k.lathe(
            [
                (0, 0),
                (0.6 * r, 0),
                *[(r * np.cos(a), r + r * np.sin(a)) for a in np.linspace(-0.9, 1.2, 9)],
                (0, h),
            ]
        )
    lit = k.chance(0.3)
    for x, y in wicks:
        k.cylinder(0.12, 1.0, at=(x, y, h + 0.4), color=INK, collide=False)
        if lit:
            k.ellipsoid((0.6, 0.6, 1.5), at=(x, y, h + 1.4), color=(1.0, 0.75, 0.2), collide=False)


def bell(k: ObjectBuilder, v: int) -> None:
    """Flared, with a handle, or a ring and a clapper, desk bell; cow, sleigh, with a bow."""
    r, h = k.u(2.8, 3.6), k.u(5, 6.5)
    shapes = [
        [(1, 0), (0.8, 0.15), (0.62, 0.5), (0.5, 0.8), (0.2, 1)],
        [(1, 0), (0.72, 0.2), (0.6, 0.6), (0.55, 0.85), (0.15, 1)],
        [(1, 0), (0.95, 0.25), (0.75, 0.65), (0.35, 0.95), (0, 1)],
        [(1, 0), (0.85, 0.1), (0.7, 0.4), (0.62, 0.75), (0.3, 1)],
        [(1, 0), (0.75, 0.35), (0.5, 0.7), (0.3, 1)],
        [(1, 0), (0.9, 0.08), (0.65, 0.3), (0.6, 0.7), (0.4, 0.95), (0, 1)],
        [(0.85, 0), (0.8, 0.4), (0.5, 0.95), (0, 1)],
        [*((np.sin(t), 0.5 - 0.5 * np.cos(t)) for t in np.linspace(0.2, 2.9, 10))],
        [(1, 0), (0.95, 0.06), (0.72, 0.35), (0.66, 0.7), (0.5, 0.9), (0, 1)],
    ]
    if v == 7:  # a slit ball
        k.lathe(np.array([(0, 0), *shapes[v], (0, 1)]) * [r, 2 * r])
        k.ring(1.0 * r, 0.3, at=(0, 0, r))
        for yaw in (0, 90):
            k.tube(arc(r, 200, 340, 15) + [0, 0, r], 0.15, rpy=(0, 0, yaw), color=INK)
        k.tube(arc(0.9, -30, 210, 14), 0.25, at=(0, 0, 2 * r + 0.5), color=STEEL)
        return
    foot = 0.0
    if v == 2:  # desk bell on a foot
        foot, h = 1.2, 0.6 * h
        k.cylinder(1.12 * r, foot, at=(0, 0, foot / 2), color=INK)
    profile = np.array([(0, 0), *shapes[v], (0, 1)]) * [r, h] + [0, foot]
    if v == 6:  # cow bell
        k.mesh(pressed(profile, 4.0, stretch=0.7))
        k.tube([[0, -1.2, h - 0.4], [0, -1.2, h + 1.2], [0, 1.2, h + 1.2], [0, 1.2, h - 0.4]], 0.3)
        return
    k.lathe(profile)
    k.tube(arc(r, 0, 360, 23, "xy"), 0.22, at=(0, 0, foot + 0.1))
    if v == 8:
        for side in (-1, 1):
            bow = {"at": (0.4 * r, side * 1.1, h + 0.3), "rpy": (side * 20, 0, 0)}
            k.rounded((0.8, 2.2, 1.6), 0.7, color=k.accent, collide=False, **bow)
    if v == 2:
        k.cylinder(0.35, 1.0, at=(0, 0, foot + h + 0.4), color=STEEL)
        k.ball(0.55, at=(0, 0, foot + h + 1.0), color=STEEL)
    elif v in (0, 3):
        color = WOOD if k.chance(0.6) else INK
        k.lathe(
            [(0, 0), (0.45, 0), (0.8, 1.5), (0.6, 3), (0.95, 4), (0, 4.5)],
            at=(0, 0, h),
            color=color,
        )
    else:
        k.tube(
            arc(0.8, -20, 200, 14), 0.25, at=(0, 0, h + 0.5), color=k.accent if v == 1 else None
        )
        k.ball(0.75, at=(0, 0, 0.1), color=INK)
