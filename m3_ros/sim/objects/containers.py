"""Containers: bottles, cans, jars, boxes."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, STEEL, WOOD, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, extrude, lathe, lobed, pressed


def bottle(k: ObjectBuilder, v: int) -> None:
    """Water, wine, squeeze, flask, sauce, sport; potion with a cork, pump, jug with a handle."""
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
        [
            *((1.3 * r * np.sin(t), r - 1.2 * r * np.cos(t)) for t in (0.6, 1, 1.6, 2.2)),
            (n, 2 * r),
            (1.1 * n, 0.75 * h),
        ],
        [(0.9 * r, 0), (0.95 * r, 0.62 * h), (0.5 * r, 0.7 * h), (n, 0.7 * h), (n, 0.74 * h)],
        [(1.1 * r, 0), (1.15 * r, 0.5 * h), (0.6 * r, 0.78 * h), (n, 0.82 * h), (n, 0.9 * h)],
    ][v]
    h *= 0.85 if v == 6 else 1.0
    top = outline[-1]
    profile = [(0, 0), *outline, (0, top[1])]
    k.mesh(pressed(profile) if v == 7 else lathe(profile))
    color = WOOD if v == 6 else k.accent
    k.cylinder(n * 1.18, h - top[1] + 0.6, at=(0, 0, (h + top[1]) / 2), color=color)
    if v == 7:
        k.rounded((3.6, 1.6, 1.0), 0.4, at=(0.9, 0, h + 0.4), color=k.accent)
        k.box((0.06, 1.2 * r, 0.3 * h), at=(0.95 * r, 0, 0.32 * h), color=CREAM, collide=False)
    elif v == 8:
        k.tube(arc(1.0, -80, 80, 12) * [2.2, 1, 0.22 * h] + [r, 0, 0.5 * h], 0.6)
    if k.chance(0.45) and v in (0, 1, 3):
        z = k.u(0.25, 0.35) * h
        k.cylinder(r + 0.05, k.u(0.18, 0.3) * h, at=(0, 0, z), color=k.accent, collide=False)


def can(k: ObjectBuilder, v: int) -> None:
    """Metal can: drink, soup, flat, ribbed, slim, pull ring; spray, sardine, paint with a bow."""
    r, h = [
        (3.1, 11),
        (3.5, 9.5),
        (3.8, 5.0),
        (3.4, 10),
        (2.6, 13),
        (3.3, 7.5),
        (2.6, 10.5),
        (3.3, 2.6),
        (3.7, 8),
    ][v]
    r, h = r * k.u(0.9, 1.08), h * k.u(0.9, 1.1)
    if v == 7:
        for radius, z, tall, color in ((r, 0, h, None), (0.55 * r, h, 0.08, k.accent)):
            tin = [(0, 0), (radius, 0), (radius, tall), (0, tall)]
            k.mesh(pressed(tin, 4.0, stretch=1.5), at=(0, 0, z), color=color)
        k.ring(0.7, 0.15, at=(r, 0, h + 0.2), color=STEEL)
        return
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
    elif v == 6:
        k.lathe([(0, 0), (0.85 * r, 0), (0.5 * r, 1.2), (0, 1.4)], at=(0, 0, h - 0.4), color=STEEL)
        k.cylinder(0.55 * r, 2.2, at=(0, 0, h + 1.2))
    elif v == 8:
        k.ring(0.98 * r, 0.3, at=(0, 0, h - 0.2), color=STEEL)
        k.cylinder(0.8 * r, 0.4, at=(0, 0, h - 0.2))
        k.tube(
            arc(1.0, 0, 180, 15) * [1.05 * r, 1, 0.6 * r], 0.15, at=(0, 0, 0.85 * h), color=STEEL
        )
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


def jar(k: ObjectBuilder, v: int) -> None:
    """Short wide vessel with a big lid; square with a clip, honey pot, under a cloth."""
    r, h = k.u(3.0, 3.8), k.u(7.5, 10.5)
    body = 0.8 * h
    outline = [
        [(r, 0), (r, 0.8 * body), (0.85 * r, body)],
        [(0.9 * r, 0), (r, 0.3 * body), (0.97 * r, 0.75 * body), (0.8 * r, body)],
        [(0.75 * r, 0), (r, 0.4 * body), (r, 0.6 * body), (0.75 * r, body)],
        [(r, 0), (r, body)],
        [(0.85 * r, 0), (r, 0.85 * body), (0.9 * r, body)],
        [(r, 0), (0.93 * r, 0.45 * body), (r, 0.85 * body), (0.8 * r, body)],
        [(0.9 * r, 0), (0.95 * r, 0.7 * body), (0.75 * r, 0.85 * body), (0.75 * r, body)],
        [
            (r * (0.72 + 0.3 * np.sin(np.pi * z) + 0.03 * np.cos(8 * np.pi * z)), z * body)
            for z in np.linspace(0, 1, 33)
        ],
        [(0.8 * r, 0), (0.95 * r, 0.1 * body), (0.95 * r, 0.8 * body), (0.7 * r, body)],
    ][v]
    profile = [(0, 0), *outline, (0, body)]
    k.mesh(pressed(profile) if v == 6 else lathe(profile))
    lid = outline[-1][0] * 1.06
    color = WOOD if k.chance(0.3) else k.accent
    if v == 6:
        k.tube(arc(1.0, 0, 180, 9) * [lid, 1, 0.3 * h] + [0, 0, 0.78 * h], 0.14, color=STEEL)
    elif v == 8:
        skirt = [(0, 0), (1.2 * lid, -0.6), (1.1 * lid, 0.5), (0.9 * lid, 0.9), (0, 1.0)]
        k.mesh(lobed(skirt, 12, 0.04), at=(0, 0, body), color=color)
        k.ring(1.12 * lid, 0.18, at=(0, 0, body - 0.1), color=INK)
        return
    if v in (2, 7):
        k.lathe([(0, body), (lid, body), (0.8 * lid, body + 1.2), (0, body + 1.6)], color=color)
        k.ball(0.7, at=(0, 0, body + 2.1), color=color)
    else:
        k.cylinder(lid, h - body, at=(0, 0, (h + body) / 2), color=color)
    if k.chance(0.4) and v in (0, 3):
        k.cylinder(r + 0.04, 0.35 * body, at=(0, 0, 0.42 * body), color=CREAM, collide=False)


def _gift(k: ObjectBuilder, a: float, b: float, h: float) -> None:
    """Box with an overlapping lid, two ribbons and their bow."""
    k.box((a, b, h), at=(0, 0, h / 2))
    k.box((1.08 * a, 1.08 * b, 1.4), at=(0, 0, h))
    for size in ((1.1 * a, 0.13 * b), (0.13 * a, 1.1 * b)):
        k.box((*size, h + 0.8), at=(0, 0, h / 2 + 0.4), color=k.accent, collide=False)
    for side in (-1, 1):
        loop = arc(1.0, 0, 360, 17) * [1.0, 1, 0.6]
        k.tube(loop, 0.25, at=(side, 0, h + 1.3), rpy=(0, -25 * side, 45), color=k.accent)


def _chest(k: ObjectBuilder, a: float, b: float, h: float) -> None:
    """Treasure chest: box, rounded lid, iron bands and a lock."""
    k.box((a, b, h), at=(0, 0, h / 2))
    k.cylinder(a / 2, b, at=(0, 0, h), rpy=(90, 0, 0))
    for y in (-0.3, 0.3):
        k.box((1.03 * a, 0.09 * b, h), at=(0, y * b, h / 2), color=k.accent, collide=False)
        place = {"at": (0, y * b, h), "rpy": (90, 0, 0), "color": k.accent, "collide": False}
        k.cylinder(0.515 * a, 0.09 * b, **place)
    k.box((0.4, 1.2, 1.4), at=(a / 2, 0, h), color=STEEL, collide=False)


def _crate(k: ObjectBuilder, a: float, b: float, h: float) -> None:
    """Open crate: a dark inside behind three slats on each side."""
    k.box((0.9 * a, 0.9 * b, 0.6 * h), at=(0, 0, 0.32 * h), color=INK)
    for z in (0.15, 0.5, 0.85):
        for side in (-1, 1):
            k.box((0.4, b, 0.27 * h), at=(side * a / 2, 0, z * h), collide=z > 0.8)
            k.box((a, 0.4, 0.27 * h), at=(0, side * b / 2, z * h), collide=z > 0.8)
    for x in (-0.5, 0.5):
        for y in (-0.5, 0.5):
            k.box((0.9, 0.9, h), at=(x * a, y * b, h / 2), collide=False)


def box(k: ObjectBuilder, v: int) -> None:
    """Carton: cube, tall, flat, gable top, taped, open; gift with a bow, chest, slatted crate."""
    a, b, h = [
        (5, 5, 5),
        (6, 4.5, 10),
        (6, 9, 4),
        (5.5, 5.5, 8),
        (5.8, 8.5, 5.5),
        (5.5, 7, 6),
        (6.5, 6.5, 5),
        (6, 9, 4),
        (6.5, 8.5, 5),
    ][v]
    a, b, h = a * k.u(0.85, 1.08), b * k.u(0.85, 1.1), h * k.u(0.85, 1.15)
    if v > 5:
        [_gift, _chest, _crate][v - 6](k, a, b, h)
        return
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
