"""Toy vehicles, and traffic cones."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, STEEL, ObjectBuilder
from m3_ros.sim.objects.meshes import extrude, regular_outline, wall

GLASS = (0.55, 0.72, 0.82)


def _truck(k: ObjectBuilder, length: float, w: float, z: float) -> None:
    """Lorry: a box to load behind a short cab."""
    k.box((length, 0.7 * w, 0.2 * w), at=(0, 0, z + 0.1 * w), color=INK)
    k.box((0.66 * length, w, 0.95 * w), at=(-0.17 * length, 0, z + 0.6 * w))
    k.rounded((0.28 * length, 0.95 * w, 0.8 * w), 0.25, at=(0.36 * length, 0, z + 0.45 * w))
    pane = (0.26 * length, 0.97 * w, 0.28 * w)
    k.box(pane, at=(0.38 * length, 0, z + 0.58 * w), color=GLASS, collide=False)
    for y in (-0.5, 0.5):
        band = {"at": (-0.17 * length, y * w, z + 0.6 * w), "color": k.accent, "collide": False}
        k.box((0.5 * length, 0.06, 0.18 * w), **band)


def _formula(k: ObjectBuilder, length: float, w: float, z: float) -> None:
    """Single-seater: a slender body between free wheels, wings before and behind."""
    k.lathe(
        np.array([(0, -0.5), (0.22, -0.5), (0.26, 0), (0.1, 0.55), (0, 0.57)]) * [w, length],
        at=(0, 0, z + 0.12 * w),
        rpy=(0, 90, 0),
    )
    k.box((0.3 * length, 0.62 * w, 0.2 * w), at=(-0.12 * length, 0, z + 0.05 * w))
    k.ball(0.16 * w, at=(-0.05 * length, 0, z + 0.42 * w), color=k.accent, collide=False)
    for x, lift, tall in ((0.52, -0.05, 0.0), (-0.48, 0.5, 0.45)):
        k.box((0.9, w, 0.25), at=(x * length, 0, z + lift * w))
        k.box((0.5, 0.15 * w, tall * w + 0.1), at=(x * length, 0, z + (lift - tall / 2) * w))


def _jeep(k: ObjectBuilder, length: float, w: float, z: float) -> None:
    """Off-roader: a tub with a bonnet, windscreen, roll bar and spare wheel."""
    k.box((0.9 * length, 0.8 * w, 0.35 * w), at=(0, 0, z + 0.2 * w))
    k.box((0.34 * length, 0.7 * w, 0.2 * w), at=(0.28 * length, 0, z + 0.45 * w))
    k.box((0.4 * length, 0.62 * w, 0.1), at=(-0.18 * length, 0, z + 0.38 * w), color=INK)
    k.box(
        (0.12, 0.7 * w, 0.4 * w), at=(0.1 * length, 0, z + 0.65 * w), rpy=(0, -15, 0), color=GLASS
    )
    bar = np.array([[0, -0.36, 0], [0, -0.36, 0.6], [0, 0.36, 0.6], [0, 0.36, 0]]) * w
    k.tube(bar, 0.2, at=(-0.15 * length, 0, z + 0.35 * w))
    k.cylinder(0.24 * w, 0.6, at=(-0.47 * length, 0, z + 0.42 * w), rpy=(0, 90, 0), color=INK)
    for x in (-0.3, 0.3):
        k.box((0.27 * length, w, 0.15), at=(x * length, 0, z + 0.38 * w), collide=False)


def toy_car(k: ObjectBuilder, v: int) -> None:
    """Saloon, van, pick-up, racer, beetle, bus; lorry, single-seater, off-roader."""
    length, w = k.u(8, 11), k.u(4.0, 5.0)
    wheel = k.u(0.95, 1.3)
    z = 0.75 * wheel
    body = 0.3 * w
    if v > 5:
        [_truck, _formula, _jeep][v - 6](k, length, w, z)
    elif v in (1, 5):
        h = w * (0.85 if v == 1 else 1.0)
        k.rounded((length, w, h), 0.25, at=(0, 0, z + h / 2))
        k.box(
            (0.96 * length if v == 5 else 0.55 * length, w + 0.05, 0.3 * h),
            at=(0 if v == 5 else 0.1 * length, 0, z + 0.68 * h),
            color=GLASS,
            collide=False,
        )
        k.box(
            (length * 0.985, 0.8 * w, 0.32 * h),
            at=(0.1, 0, z + 0.66 * h),
            color=GLASS,
            collide=False,
        )
    elif v == 4:
        k.ellipsoid((length, w, 1.7 * w), at=(0, 0, z))
        k.ellipsoid(
            (0.62 * length, 0.86 * w, 1.3 * w),
            at=(-0.02 * length, 0, z + 0.28 * w),
            color=GLASS,
            collide=False,
        )
        k.ellipsoid(
            (0.6 * length, 0.8 * w, 0.5 * w), at=(-0.02 * length, 0, z + 0.74 * w), collide=False
        )
    else:
        k.rounded((length, w, 1.2 * body), 0.35, at=(0, 0, z + 0.6 * body))
        cabin, x = {0: (0.5, -0.03), 2: (0.32, 0.12), 3: (0.25, -0.1)}[v]
        h = 0.38 * w if v != 3 else 0.28 * w
        base = extrude(
            np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * [cabin * length / 2, 0.45 * w],
            h,
            0.75,
        )
        k.mesh(base, at=(x * length, 0, z + 1.15 * body), color=GLASS)
        k.box(
            (cabin * length * 0.78, 0.72 * w, 0.25),
            at=(x * length, 0, z + 1.15 * body + h),
            collide=False,
        )
        if v == 2:
            for y in (-0.44, 0.44):
                k.box(
                    (0.45 * length, 0.3, 0.9),
                    at=(-0.25 * length, y * w, z + 1.4 * body),
                    collide=False,
                )
        if v == 3:
            k.box((0.9, w, 0.25), at=(-0.46 * length, 0, z + 2.3 * body), collide=False)
            k.box((0.3, 0.4, body), at=(-0.45 * length, 0, z + 1.7 * body), collide=False)
    for x in (-0.3, 0.3):
        for y in (-0.48, 0.48):
            k.cylinder(wheel, 0.9, at=(x * length, y * w, wheel), rpy=(90, 0, 0), color=INK)
            k.cylinder(
                0.5 * wheel,
                0.96,
                at=(x * length, y * w, wheel),
                rpy=(90, 0, 0),
                color=STEEL,
                collide=False,
            )
    for y in (-0.3, 0.3) if v != 7 else ():
        k.ball(
            0.32, at=(0.48 * length, y * w, z + 0.65 * body), color=(1, 0.95, 0.7), collide=False
        )


def rocket(k: ObjectBuilder, v: int) -> None:
    """Standing: body, nose, fins, porthole; six outlines; side boosters, stages, stout on legs."""
    r, h = k.u(1.8, 2.5), k.u(9, 13)
    shapes = [
        [(0.9, 0.12), (1, 0.3), (1, 0.62), (0.65, 0.82), (0, 1)],
        [(0.6, 0.1), (1, 0.35), (0.95, 0.6), (0.5, 0.88), (0, 1)],
        [(1, 0.1), (1, 0.7), (0, 1)],
        [(0.7, 0.12), (1, 0.45), (0.8, 0.72), (0, 1)],
        [(1, 0.1), (1, 0.55), (0.7, 0.6), (0.7, 0.8), (0, 1)],
        [(0.75, 0.1), (1, 0.25), (0.7, 0.7), (0.35, 0.9), (0, 1)],
        [(0.9, 0.06), (0.9, 0.72), (0.7, 0.86), (0.3, 0.97), (0, 1)],
        [(1, 0.08), (1, 0.38), (0.8, 0.43), (0.8, 0.66), (0.5, 0.72), (0.5, 0.84), (0, 1)],
        [
            (0.8, 0.2),
            (1.25, 0.3),
            (1.3, 0.5),
            (1.1, 0.7),
            (0.6, 0.86),
            (0.1, 0.92),
            (0.08, 1),
            (0, 1),
        ],
    ]
    k.lathe(np.array([(0, shapes[v][0][1]), *shapes[v]]) * [r, h])
    k.lathe(np.array([(0, 0.03), (0.6, 0.03), (0.4, 0.12), (0, 0.12)]) * [r, h], color=INK)
    count = {1: 3, 3: 3, 6: 2, 8: 3}.get(v, 4)
    color = k.accent if k.chance(0.7) else None
    if v == 6:
        for side in (-1, 1):
            booster = [(0, 0), (0.5, 0), (0.4, 0.05), (0.45, 0.5), (0, 0.66)]
            k.lathe(np.array(booster) * [r, h], at=(0, 1.25 * side * r, 0), color=color)
    elif v == 7:
        for z in (0.14, 0.3, 0.55):
            k.cylinder((1.02 if z < 0.4 else 0.82) * r, 0.04 * h, at=(0, 0, z * h), color=k.accent)
    elif v == 8:
        for yaw in (60, 180, 300):
            leg = np.array([[1.1, 0, 0.35], [1.6, 0, 0.2], [1.7, 0, 0]]) * [r, 1, h]
            k.tube(leg, [0.3, 0.25, 0.5], rpy=(0, 0, yaw), color=k.accent)
    fin = np.array([[0, 0], [1.0, -0.35], [1.0, 0.1], [0.25, 0.8], [-0.1, 0.8]]) * [
        0.95 * r,
        0.3 * h,
    ]
    for i in range(count):
        yaw = 360 * i / count
        x, y = 0.75 * r * np.cos(np.radians(yaw)), 0.75 * r * np.sin(np.radians(yaw))
        k.mesh(extrude(fin, 0.4), at=(x, y, 0.11 * h), rpy=(90, 0, yaw), color=color)
    k.cylinder(
        0.45 * r, 0.3, at=(0.95 * r, 0, 0.5 * h), rpy=(0, 90, 0), color=GLASS, collide=False
    )
    if v in (0, 2):
        k.cylinder(1.02 * r, 0.05 * h, at=(0, 0, 0.22 * h), color=k.accent, collide=False)


def cone(k: ObjectBuilder, v: int) -> None:
    """Traffic cone: square or round foot, bands; eight-sided foot, low and hollow, flared."""
    r, h = k.u(2.4, 3.0), k.u(7, 11)
    if v == 7:  # a marker of a playing field
        k.lathe(
            wall([(1.5 * r, 0), (1.4 * r, 0.4), (0.6 * r, 0.35 * h), (0.5 * r, 0.38 * h)], 0.3)
        )
        return
    if v == 8:
        flare = np.array([(1.5, 0), (1.45, 0.06), (0.9, 0.1), (0.62, 0.4), (0.2, 0.96), (0, 1)])
        k.lathe(np.concatenate([[(0, 0)], flare]) * [r, h])
        band = np.array([(0.66, 0.4), (0.47, 0.66)]) * [r, h]
        k.lathe(band, color=k.accent, collide=False)
        return
    tip = 0.5 + (0.4 if v in (1, 4) else 0)
    if v in (2, 5):
        k.cylinder(1.25 * r, 0.7, at=(0, 0, 0.35))
    elif v == 6:
        r, h = 0.85 * r, 1.2 * h
        k.mesh(extrude(regular_outline(8, 1.5 * r), 0.9, 0.92))
    else:
        a = 2.4 * r
        k.box((a, a, 0.7), at=(0, 0, 0.35), color=INK if v == 3 else None)
    k.lathe([(0, 0.7), (r, 0.7), (tip, h), (0, h)])
    band = CREAM if np.mean(k.main) < 0.75 else (0.9, 0.35, 0.1)
    for low, high in {
        0: [(0.35, 0.6)],
        1: [(0.2, 0.4), (0.6, 0.75)],
        2: [],
        3: [(0.4, 0.65)],
        4: [(0.55, 0.8)],
        5: [(0.3, 0.45), (0.58, 0.72)],
        6: [(0.25, 0.35), (0.5, 0.6), (0.72, 0.8)],
    }[v]:

        def radius(t: float) -> float:
            return r + (tip - r) * t + 0.05

        z0, z1 = 0.7 + low * (h - 0.7), 0.7 + high * (h - 0.7)
        k.lathe([(radius(low), z0), (radius(high), z1)], color=band, collide=False)
