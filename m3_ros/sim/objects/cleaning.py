"""Cleaning: brushes, sponges, soap."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, STEEL, WOOD, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, extrude, heart_outline


def brush(k: ObjectBuilder, v: int) -> None:
    """Handle and bristles; paint, scrub, hair, tooth, dish, round; nail, hand, for curls."""
    bristle = CREAM if k.chance(0.5) else INK if np.mean(k.main) > 0.4 else WOOD
    length = k.u(7, 10)
    if v == 0:  # paint brush
        w = k.u(3, 4.5)
        k.lathe(
            [
                (0, 0),
                (0.5, 0),
                (0.9, 0.4 * length),
                (0.6, 0.85 * length),
                (1.0, length),
                (0, length),
            ]
        )
        k.box((w, 1.5, 2.0), at=(0, 0, length + 0.9), color=STEEL)
        k.box((0.95 * w, 1.2, 3.4), at=(0, 0, length + 3.4), color=bristle)
    elif v == 1:  # scrubbing brush
        k.rounded((length + 2, k.u(4, 5), 1.8), 0.4, at=(0, 0, 3.1))
        k.box((length + 0.8, 3.4, 2.4), at=(0, 0, 1.2), color=bristle)
        k.turn((180 * k.chance(0.4), 0, 0))
        return
    elif v == 2:  # hair brush
        k.rounded((1.6, 4.4, 7.0), 0.6, at=(0, 0, length + 3))
        k.lathe([(0, 0), (0.9, 0), (0.7, length), (0, length)])
        k.rounded((1.4, 3.4, 5.6), 0.6, at=(0.8, 0, length + 3), color=INK)
        for y in np.linspace(-1.2, 1.2, 4):
            for z in np.linspace(-2, 2, 6):
                k.capsule(
                    0.13,
                    1.2,
                    at=(1.9, y, length + 3 + z),
                    rpy=(0, 90, 0),
                    color=bristle,
                    collide=False,
                )
    elif v == 3:  # tooth brush, thick
        k.capsule(0.85, length, at=(0, 0, length / 2))
        k.capsule(0.5, 4, at=(0, 0, length + 2.5))
        k.box((1.5, 1.2, 2.8), at=(0.9, 0, length + 3.2), color=bristle)
    elif v == 4:  # dish brush
        k.capsule(0.8, length, at=(0, 0, length / 2))
        k.ellipsoid((1.8, 4.2, 4.2), at=(0, 0, length + 1.8))
        k.cylinder(1.7, 2.2, at=(1.6, 0, length + 1.8), rpy=(0, 90, 0), color=bristle)
    elif v == 6:  # nail brush with a grip arched over it
        k.rounded((0.9 * length, 4.2, 1.6), 0.5, at=(0, 0, 2.4))
        k.tube(arc(1.0, 0, 180, 13) * [0.38 * length, 1, 2.6] + [0, 0, 2.6], 0.8, collide=True)
        for y in np.linspace(-1.4, 1.4, 5):
            for x in np.linspace(-0.36, 0.36, 8):
                k.cylinder(0.25, 2.0, at=(x * length, y, 1.0), color=bristle, collide=False)
        k.turn((0, 0, k.u(0, 360)))
        return
    elif v == 7:  # hand brush: bristles hang all along a wide head
        k.rounded((1.8, 4.4, 0.9 * length), 0.4, at=(0, 0, 1.1 * length))
        k.capsule(0.8, 0.6 * length, at=(-0.2, 0, 0.3 * length))
        k.ring(0.5, 0.2, at=(-0.2, 0, -0.9), rpy=(0, 90, 0))
        k.box((2.6, 4.2, 0.86 * length), at=(1.8, 0, 1.1 * length), color=bristle)
    elif v == 8:  # for curls: spikes all around a drum
        k.lathe([(0, 0), (0.8, 0), (1.0, 0.5 * length), (0.7, length), (0, length)])
        k.cylinder(1.5, 5, at=(0, 0, length + 2.5))
        for z in np.arange(6):
            for yaw in np.arange(10) * 36 + 18 * (z % 2):
                spike = np.array([[1.4, 0, 0], [2.3, 0, 0]]) + [0, 0, length + 0.4 + 0.85 * z]
                k.tube(spike, 0.14, rpy=(0, 0, yaw), color=bristle)
    else:  # round brush
        w = k.u(1.4, 2.0)
        k.lathe([(0, 0), (0.8, 0), (0.8, length), (1.2, length + 1), (0, length + 1)])
        k.lathe(
            [
                (0, length + 1),
                (1.2, length + 1),
                (w, length + 3),
                (0.3, length + 5),
                (0, length + 5),
            ],
            color=bristle,
        )
    k.turn((0, 90, 0))
    k.turn((k.u(-8, 8), 0, 0))


def sponge(k: ObjectBuilder, v: int) -> None:
    """Scouring layer, bath sponge, wavy, slab, holes; dome, roll with a cord, three layers."""
    a, b, h = k.u(5, 6.4), k.u(8, 10), k.u(2.8, 3.8)
    if v in (0, 1, 4):
        pad = (0.16, 0.38, 0.2) if k.chance(0.6) else INK
        pad = CREAM if np.abs(np.subtract(pad, k.main)).max() < 0.3 else pad
        low = 0.75 * h
        k.rounded((a, b, low), 0.15, at=(0, 0, low / 2))
        k.box((0.97 * a, 0.97 * b, h - low), at=(0, 0, (h + low) / 2), color=pad)
    elif v == 6:
        k.lathe(
            np.array([(0, 0), (0.95, 0), (1, 0.2), (0.85, 0.6), (0.5, 0.9), (0, 1)]) * [0.6 * a, h]
        )
    elif v == 7:
        b *= 0.85
        k.cylinder(0.6 * h, b, at=(0, 0, 0.6 * h), rpy=(90, 0, 0))
        k.tube(
            arc(1.8, -90, 90, 13, "yz") * [1, 1.4, 0.6] + [0, b / 2, 0.6 * h], 0.22, color=CREAM
        )
    elif v == 8:
        for z, color in ((0.18, None), (0.5, k.accent), (0.82, None)):
            k.rounded((a, b, 0.36 * h), 0.15, at=(0, 0, z * h), color=color)
    elif v == 2:
        k.rounded((a, 1.2 * a, h), 0.65, at=(0, 0, h / 2))
    elif v == 3:
        t = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        wave = np.column_stack([(1 + 0.12 * np.cos(2 * t)) * np.cos(t) * a / 2, np.sin(t) * b / 2])
        k.mesh(extrude(wave, h, 0.97))
    else:
        k.rounded((a, 0.8 * b, h), 0.3, at=(0, 0, h / 2))
    dark = tuple(0.62 * np.asarray(k.main))
    top = max(part.bounds()[1, 2] for part in k.parts) * 100
    for _ in range(22):
        x, y = k.u(-0.4, 0.4) * a, k.u(-0.4, 0.4) * (b if v not in (2, 6) else a)
        if v == 6:
            x, y = 0.8 * x, 0.8 * y
            z = h * (1 - 1.6 * (x * x + y * y) / a**2) - 0.08
            size = (k.u(0.3, 0.8), k.u(0.3, 0.8), 0.3)
        elif v == 7:
            x *= h / a
            z, size = 0.6 * (h + np.sqrt(h * h - 2.78 * x * x)) - 0.04, (0.5, k.u(0.3, 0.8), 0.2)
        elif v in (0, 4):
            x, z = np.copysign(a / 2, x), k.u(0.1, 0.65) * h
            size = (0.1, k.u(0.3, 0.7), k.u(0.2, 0.5))
        elif v == 1:
            z, size = 0.02, (k.u(0.3, 0.8), k.u(0.3, 0.8), 0.12)
        else:
            z = top - (0.02 if v != 2 else 0.25 * h * (x * x + y * y) / (a * a) * 4)
            size = (k.u(0.3, 0.8), k.u(0.3, 0.8), 0.12)
        k.ellipsoid(size, at=(x, y, z), color=dark, collide=False)
    if v in (1, 4):
        k.turn((180 if v == 1 else 90, 0, 0))


def soap_bar(k: ObjectBuilder, v: int) -> None:
    """Rounded bar: pillow, oval, engraved, slab, on a dish, waisted; round, on a rope, heart."""
    a, b, h = k.u(4.4, 5.6), k.u(6.8, 8.4), k.u(2.2, 3.0)
    dark = tuple(0.8 * np.asarray(k.main))
    if v == 6:
        k.lathe([(0, 0), (0.5 * b, 0.1 * h), (0.52 * b, 0.5 * h), (0.45 * b, h), (0, 0.9 * h)])
        for radius in (0.2 * b, 0.38 * b):
            k.ring(radius, 0.15, at=(0, 0, 0.95 * h), color=dark)
    elif v == 7:
        k.rounded((a, b, h), 0.6, at=(0, 0, h / 2))
        loop = arc(1.0, -90, 90, 15, "yx") * [1.5, 2.2, 1]
        k.tube(loop + [0, b / 2, h / 2], 0.3, color=CREAM)
    elif v == 8:
        k.mesh(extrude(heart_outline(1.25 * a, 1.2 * a), h, 0.85))
    elif v == 3:
        k.mesh(extrude(np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * [a / 2, b / 2], h, 0.88))
    elif v == 5:
        t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        r = 1 - 0.16 * np.cos(2 * t) * (np.abs(np.cos(t)) > 0.4)
        k.mesh(extrude(np.column_stack([r * np.cos(t) * a / 2, np.sin(t) * b / 2]), h, 0.9))
    else:
        k.rounded((a, b, h), [0.45, 0.75, 0.4, 0, 0.5][v], at=(0, 0, h / 2))
    if v in (2, 3):
        for y in (-0.16, 0, 0.16):
            k.box((0.5 * a, 0.05 * b, 0.06), at=(0, y * b, h), color=dark, collide=False)
    if v in (0, 1) and k.chance(0.5):
        k.ellipsoid((0.55 * a, 0.55 * b, 0.3), at=(0, 0, h), color=dark, collide=False)
    if v == 4:
        k.box((1.25 * a, 1.2 * b, 0.6), at=(0, 0, 0.0), color=k.accent)
    if k.chance(0.2) and v != 8:
        for _ in range(5):
            k.ball(
                k.u(0.2, 0.4),
                at=(k.u(-0.3, 0.3) * a, k.u(-0.3, 0.3) * b, h),
                collide=False,
                color=(0.95, 0.96, 0.98),
            )
