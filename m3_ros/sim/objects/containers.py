"""What keeps something: bottles, cans, jars, vases, boxes; and candles."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, INK, STEEL, WOOD, Kit
from m3_ros.sim.objects.meshes import arc, extrude
from m3_ros.sim.objects.tableware import wall


def bottle(k: Kit, v: int) -> None:
    """Body, shoulder, neck and cap; water, wine, squeeze, flask, sauce, sport."""
    r, h = k.u(2.5, 3.4), k.u(13, 18)
    n = k.u(0.9, 1.25)
    outline = [
        [(r, 0), (r, 0.62 * h), (n, 0.8 * h), (n, 0.93 * h)],
        [(r, 0), (r, 0.55 * h), (0.9 * r, 0.63 * h), (n, 0.7 * h), (n, 0.95 * h)],
        [
            (0.9 * r, 0),
            (r, 0.1 * h),
            (0.8 * r, 0.4 * h),
            (r, 0.62 * h),
            (n, 0.83 * h),
            (n, 0.9 * h),
        ],
        [(r, 0), (r, 0.75 * h), (0.85 * r, 0.82 * h), (n, 0.84 * h), (n, 0.9 * h)],
        [(r, 0), (0.98 * r, 0.3 * h), (n, 0.78 * h), (n, 0.94 * h)],
        [(0.8 * r, 0), (r, 0.2 * h), (0.95 * r, 0.45 * h), (0.5 * r, 0.6 * h), (n, 0.9 * h)],
    ][v]
    top = outline[-1]
    k.lathe([(0, 0), *outline, (0, top[1])])
    k.cylinder(n * 1.18, h - top[1] + 0.6, at=(0, 0, (h + top[1]) / 2), color=k.accent)
    if k.chance(0.45) and v in (0, 1, 3):
        z = k.u(0.25, 0.35) * h
        k.cylinder(r + 0.05, k.u(0.18, 0.3) * h, at=(0, 0, z), color=k.accent, collide=False)


def can(k: Kit, v: int) -> None:
    """Metal can: drink, soup, flat, ribbed, slim, with a pull ring."""
    r, h = [(3.1, 11), (3.5, 9.5), (3.8, 5.0), (3.4, 10), (2.6, 13), (3.3, 7.5)][v]
    r, h = r * k.u(0.9, 1.08), h * k.u(0.9, 1.1)
    neck = 0.86 * r if v in (0, 4) else 0.97 * r
    k.cylinder(r, h - 1.4, at=(0, 0, h / 2))
    for z, sign in ((0.7, -1), (h - 0.7, 1)):
        profile = [
            (r, 0),
            (neck, 0.55),
            (neck, 0.7),
            (0.9 * neck, 0.7),
            (0.86 * neck, 0.4),
            (0, 0.4),
        ]
        k.lathe(profile, at=(0, 0, z), rpy=(0 if sign > 0 else 180, 0, 0), color=STEEL)
    if v in (0, 4, 5):
        k.tube(arc(0.55, 0, 360, 13, "xy") * [1.4, 1, 1], 0.12, at=(0.5, 0, h - 0.15), color=STEEL)
    if v in (1, 3):
        for z in np.linspace(0.3, 0.7, 4):
            k.tube(arc(r, 0, 360, 21, "xy"), 0.12, at=(0, 0, z * h))
    elif k.chance(0.6):
        k.cylinder(
            r + 0.03,
            k.u(0.12, 0.3) * h,
            at=(0, 0, k.u(0.35, 0.65) * h),
            color=k.accent,
            collide=False,
        )


def jar(k: Kit, v: int) -> None:
    """Short wide vessel with a big lid."""
    r, h = k.u(3.0, 3.8), k.u(7.5, 10.5)
    body = 0.8 * h
    outline = [
        [(r, 0), (r, 0.8 * body), (0.85 * r, body)],
        [(0.9 * r, 0), (r, 0.3 * body), (0.97 * r, 0.75 * body), (0.8 * r, body)],
        [(0.75 * r, 0), (r, 0.4 * body), (r, 0.6 * body), (0.75 * r, body)],
        [(r, 0), (r, body)],
        [(0.85 * r, 0), (r, 0.85 * body), (0.9 * r, body)],
        [(r, 0), (0.93 * r, 0.45 * body), (r, 0.85 * body), (0.8 * r, body)],
    ][v]
    k.lathe([(0, 0), *outline, (0, body)])
    lid = outline[-1][0] * 1.06
    color = WOOD if k.chance(0.3) else k.accent
    if v == 2:
        k.lathe([(0, body), (lid, body), (0.8 * lid, body + 1.2), (0, body + 1.6)], color=color)
        k.ball(0.7, at=(0, 0, body + 2.1), color=color)
    else:
        k.cylinder(lid, h - body, at=(0, 0, (h + body) / 2), color=color)
    if k.chance(0.4) and v in (0, 3):
        k.cylinder(r + 0.04, 0.35 * body, at=(0, 0, 0.42 * body), color=CREAM, collide=False)


def vase(k: Kit, v: int) -> None:
    """Open, tall, with a flowing outline."""
    r, h = k.u(2.8, 3.8), k.u(11, 17)
    outline = [
        [(0.5, 0), (0.8, 0.15), (1.0, 0.38), (0.75, 0.65), (0.4, 0.85), (0.6, 1)],
        [(0.6, 0), (0.5, 0.1), (0.75, 0.3), (1.0, 0.6), (0.8, 0.8), (0.45, 0.9), (0.55, 1)],
        [(0.7, 0), (0.95, 0.2), (0.9, 0.45), (0.35, 0.65), (0.3, 0.85), (0.5, 1)],
        [(0.45, 0), (0.5, 0.4), (0.7, 0.75), (1.0, 1)],
        [(0.4, 0), (0.35, 0.08), (0.85, 0.25), (1.0, 0.45), (0.6, 0.75), (0.45, 0.88), (0.75, 1)],
        [(0.75, 0), (0.5, 0.25), (0.55, 0.5), (0.95, 0.75), (0.6, 0.92), (0.8, 1)],
    ][v]
    scaled = np.array(outline) * [r, h]
    grid = np.linspace(0, 1, 3 * len(scaled))
    knots = np.linspace(0, 1, len(scaled))
    smooth = np.column_stack([np.interp(grid, knots, scaled[:, i]) for i in range(2)])
    k.lathe(wall([tuple(p) for p in smooth], 0.3))
    if k.chance(0.3):
        i = len(smooth) // 2
        k.tube(arc(smooth[i, 0], 0, 360, 21, "xy"), 0.25, at=(0, 0, smooth[i, 1]), color=k.accent)


def box(k: Kit, v: int) -> None:
    """Carton: cube, tall, flat, with label, with tape, gable top, open flaps."""
    a, b, h = [(5, 5, 5), (6, 4.5, 10), (6, 9, 4), (5.5, 5.5, 8), (5.8, 8.5, 5.5), (5.5, 7, 6)][v]
    a, b, h = a * k.u(0.85, 1.08), b * k.u(0.85, 1.1), h * k.u(0.85, 1.15)
    k.box((a, b, h), at=(0, 0, h / 2))
    if v == 3:  # milk carton
        gable = np.array([[a / 2, 0], [0, 0.35 * h], [-a / 2, 0]])
        k.mesh(extrude(gable, b), at=(0, b / 2, h), rpy=(90, 0, 0))
        k.box((0.3, b, 1.2), at=(0, 0, 1.35 * h + 0.3), collide=False)
    if v in (0, 4) or k.chance(0.2):
        k.box(
            (0.22 * a, b + 0.05, h + 0.05),
            at=(0, 0, h / 2),
            color=(0.80, 0.70, 0.50),
            collide=False,
        )
    if v in (1, 2) or k.chance(0.3):
        s, t = k.u(0.4, 0.75), k.u(0.25, 0.45)
        color = k.accent
        k.box((a + 0.06, s * b, t * h), at=(0, 0, 0.55 * h), color=color, collide=False)
        k.box((s * a, b + 0.06, t * h), at=(0, 0, 0.55 * h), color=color, collide=False)
        k.box((0.5 * a, 0.35 * b, h + 0.06), at=(0, 0, h / 2), color=color, collide=False)
    if v == 5:
        for side in (-1, 1):
            k.box(
                (0.15, b, 0.5 * a),
                at=(side * (a / 2 + 0.14 * a), 0, h + 0.14 * a),
                rpy=(0, side * 45, 0),
                collide=False,
            )
        k.box((0.9 * a, 0.9 * b, 0.1), at=(0, 0, h), color=STEEL, collide=False)


def candle(k: Kit, v: int) -> None:
    """Wax with a wick: pillar, taper in a holder, tea light, twisted, stepped, ball."""
    r, h = k.u(2.0, 3.0), k.u(5.5, 10)
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
    k.cylinder(0.12, 1.0, at=(0, 0, h + 0.4), color=INK, collide=False)
    if k.chance(0.3):
        k.ellipsoid((0.6, 0.6, 1.5), at=(0, 0, h + 1.4), color=(1.0, 0.75, 0.2), collide=False)
