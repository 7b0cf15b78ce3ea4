"""Cars and rockets to play with, and the cone they drive around."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, INK, STEEL, Kit
from m3_ros.sim.objects.meshes import extrude

GLASS = (0.55, 0.72, 0.82)


def toy_car(k: Kit, v: int) -> None:
    """Saloon, van, pick-up, racer, beetle, bus, on four wheels."""
    length, w = k.u(8, 11), k.u(4.0, 5.0)
    wheel = k.u(0.95, 1.3)
    z = 0.75 * wheel
    body = 0.3 * w
    if v in (1, 5):
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
    for y in (-0.3, 0.3):
        k.ball(
            0.32, at=(0.48 * length, y * w, z + 0.65 * body), color=(1, 0.95, 0.7), collide=False
        )


def rocket(k: Kit, v: int) -> None:
    """Standing space rocket: body, nose, fins, porthole."""
    r, h = k.u(1.8, 2.5), k.u(9, 13)
    shapes = [
        [(0.9, 0.12), (1, 0.3), (1, 0.62), (0.65, 0.82), (0, 1)],
        [(0.6, 0.1), (1, 0.35), (0.95, 0.6), (0.5, 0.88), (0, 1)],
        [(1, 0.1), (1, 0.7), (0, 1)],
        [(0.7, 0.12), (1, 0.45), (0.8, 0.72), (0, 1)],
        [(1, 0.1), (1, 0.55), (0.7, 0.6), (0.7, 0.8), (0, 1)],
        [(0.75, 0.1), (1, 0.25), (0.7, 0.7), (0.35, 0.9), (0, 1)],
    ]
    k.lathe(np.array([(0, shapes[v][0][1]), *shapes[v]]) * [r, h])
    k.lathe(np.array([(0, 0.03), (0.6, 0.03), (0.4, 0.12), (0, 0.12)]) * [r, h], color=INK)
    count = 3 if v in (1, 3) else 4
    color = k.accent if k.chance(0.7) else None
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


def cone(k: Kit, v: int) -> None:
    """Traffic cone: square or round foot, white bands."""
    r, h = k.u(2.4, 3.0), k.u(7, 11)
    tip = 0.5 + (0.4 if v in (1, 4) else 0)
    if v in (2, 5):
        k.cylinder(1.25 * r, 0.7, at=(0, 0, 0.35))
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
    }[v]:

        def radius(t: float) -> float:
            return r + (tip - r) * t + 0.05

        z0, z1 = 0.7 + low * (h - 0.7), 0.7 + high * (h - 0.7)
        k.lathe([(radius(low), z0), (radius(high), z1)], color=band, collide=False)
