"""Drinkware: mugs, cups, teapots."""

import numpy as np

from m3_ros.sim.objects.builder import ObjectBuilder
from m3_ros.sim.objects.meshes import arc, lathe, pressed, wall


def _handle(k: ObjectBuilder, style: int, radius: float, height: float) -> None:
    """Handle on the +x side of a vessel of this radius and height."""
    reach, thick = k.u(1.8, 2.8), k.u(0.35, 0.6)
    half, middle = height * k.u(0.26, 0.34), height * k.u(0.48, 0.56)
    if style == 0:  # round
        points = arc(1.0, -95, 95, 12) * [reach, 1, half]
    elif style == 1:  # angular
        points = np.array(
            [[0, 0, -1], [0.8, 0, -1], [1, 0, -0.8], [1, 0, 0.8], [0.8, 0, 1], [0, 0, 1]]
        )
        points = points * [reach, 1, half]
    else:  # ear: wide above, narrow below
        points = np.array(
            [[0, 0, -1], [0.5, 0, -0.75], [0.9, 0, 0], [1, 0, 0.6], [0.6, 0, 1], [0, 0, 0.9]]
        )
        points = points * [reach, 1, half]
    k.tube(points, thick, at=(radius - 0.25, 0, middle), collide=True)


def mug(k: ObjectBuilder, v: int) -> None:
    """A handle on a body: cylinder, cone, bulge, waist, step, round; barrel, enamel, lidded."""
    r, h = k.u(3.0, 4.0), k.u(7, 10)
    outline = [
        [(r, 0), (r, h)],
        [(0.78 * r, 0), (r, h)],
        [(0.8 * r, 0), (r, 0.3 * h), (r, 0.6 * h), (0.88 * r, h)],
        [(r, 0), (0.85 * r, 0.5 * h), (r, h)],
        [(0.95 * r, 0), (0.95 * r, 0.1 * h), (r, 0.14 * h), (r, h)],
        [(0.6 * r, 0), (0.9 * r, 0.15 * h), (r, 0.4 * h), (r, h)],
        [(0.82 * r, 0), (1.02 * r, 0.35 * h), (1.02 * r, 0.65 * h), (0.85 * r, h)],
        [(0.72 * r, 0), (0.95 * r, 0.75 * h), (0.98 * r, 0.93 * h), (1.1 * r, h)],
        [(0.76 * r, 0), (r, 0.9 * h), (r, h)],
    ][v]
    k.lathe(wall(outline, 0.35), collide=True)
    _handle(k, int(k.rng.integers(3)), r * (0.9 if v == 3 else 0.97), h)
    if v == 6:
        for z, radius in ((0.16, 0.92), (0.84, 0.95)):
            k.cylinder(radius * r, 0.09 * h, at=(0, 0, z * h), color=k.accent, collide=False)
    elif v == 7:
        k.ring(1.08 * r, 0.2, at=(0, 0, h), color=k.accent)
    elif v == 8:
        lid = [(0, 0), (1.06 * r, 0), (1.06 * r, 0.6), (0.85 * r, 1.2), (0, 1.0)]
        k.lathe(lid, at=(0, 0, h))
        k.ring(1.06 * r, 0.2, at=(0, 0, h), color=k.accent)
    if k.chance(0.25):
        k.cylinder(0.8 * r, 0.3, at=(0, 0, 0.8 * h), color=(0.2, 0.11, 0.05), collide=False)
    if k.chance(0.2) and v in (0, 4):
        k.cylinder(r + 0.04, 0.15 * h, at=(0, 0, 0.3 * h), color=k.accent, collide=False)


def cup(k: ObjectBuilder, v: int) -> None:
    """Tumblers and paper cups; goblet, child's cup with two handles, tea cup on a saucer."""
    r, h = k.u(2.9, 3.8), k.u(7.5, 11.5)
    if v == 8:
        r, h = 0.88 * r, 0.5 * h
    outline = [
        [(0.72 * r, 0), (r, h)],
        [(0.9 * r, 0), (r, h)],
        [(0.7 * r, 0), (0.72 * r, 0.5 * h), (0.76 * r, 0.52 * h), (r, h)],
        [(0.66 * r, 0), (0.97 * r, 0.95 * h), (1.06 * r, 0.96 * h), (1.06 * r, h)],
        [(0.75 * r, 0), (0.95 * r, 0.4 * h), (r, h)],
        [(0.8 * r, 0), (0.8 * r, 0.1 * h), (0.72 * r, 0.14 * h), (r, h)],
        [
            (0.75 * r, 0),
            (0.16 * r, 0.1 * h),
            (0.16 * r, 0.4 * h),
            (0.75 * r, 0.5 * h),
            (r, 0.72 * h),
            (0.9 * r, h),
        ],
        [(0.7 * r, 0), (0.85 * r, 0.15 * h), (0.9 * r, 0.6 * h), (0.85 * r, h)],
        [(0.45 * r, 0), (0.5 * r, 0.1 * h), (0.85 * r, 0.4 * h), (r, h)],
    ][v]
    k.lathe(wall(outline, 0.2))
    if v == 7:
        k.lathe([(0, 0), (0.9 * r, 0), (0.9 * r, 0.6), (0, 1)], at=(0, 0, h), color=k.accent)
        k.rounded((1.4, 2.2, 2.4), 0.5, at=(0.4 * r, 0, h + 1), color=k.accent)
    elif v == 8:
        k.lathe([(0, -0.2), (0.6 * r, -0.2), (1.35 * r, 0.5), (1.3 * r, 0.6), (0, 0.1)])
    for yaw in {7: (-90, 90), 8: (0,)}.get(v, ()):
        ear = arc(1.0, -100, 100, 12) * [0.5 * r, 1, 0.28 * h] + [0.82 * r, 0, 0.55 * h]
        k.tube(ear, 0.35, rpy=(0, 0, yaw))
    if v in (0, 3) and k.chance(0.4):  # coffee to go: lid and sleeve
        k.lathe(
            [(0, h), (1.05 * r, h), (1.0 * r, h + 0.9), (0.85 * r, h + 1.0), (0, h + 0.7)],
            color=k.accent,
        )
    elif k.chance(0.3):
        z = 0.62 * h
        ring = np.interp(z, [p[1] for p in outline], [p[0] for p in outline])
        k.cylinder(ring + 0.1, 0.7, at=(0, 0, z), color=k.accent, collide=False)


def teapot(k: ObjectBuilder, v: int) -> None:
    """Body, spout, handle, lid, knob; round, tall, low, conical; square, coffee, stick handle."""
    r = k.u(3.2, 3.9)
    h = 2 * r * [0.85, 1.0, 0.75, 1.2, 0.9, 1.05, 0.9, 1.45, 0.65][v]
    outline = [
        [(0.55, 0), (0.9, 0.2), (1, 0.5), (0.85, 0.8), (0.5, 1)],
        [(0.6, 0), (0.95, 0.25), (0.95, 0.6), (0.6, 0.95), (0.4, 1)],
        [(0.6, 0), (1, 0.35), (0.9, 0.7), (0.45, 1)],
        [(1, 0), (0.85, 0.5), (0.6, 1)],
        [(0.9, 0), (1, 0.1), (1, 0.75), (0.6, 1)],
        [(0.5, 0), (0.75, 0.2), (1, 0.65), (0.7, 0.95), (0.45, 1)],
        [(0.8, 0), (0.95, 0.1), (0.95, 0.85), (0.85, 1)],
        [(0.6, 0), (0.98, 0.2), (0.9, 0.4), (0.6, 0.85), (0.55, 1)],
        [(0.7, 0), (0.98, 0.3), (1, 0.55), (0.7, 0.95), (0.6, 1)],
    ][v]
    profile = [(0, 0), *[(a * r, b * h) for a, b in outline], (0, h)]
    k.mesh(pressed(profile) if v == 6 else lathe(profile))
    spout = np.array([[0.8, 0, 0.3], [1.25, 0, 0.45], [1.45, 0, 0.75], [1.75, 0, 0.95]])
    k.tube(spout * [r, 1, h], [1.1, 0.8, 0.6, 0.5], collide=True)
    color = k.accent if k.chance(0.3) else None
    if v == 8:
        stick = [(0, 0), (0.5, 0), (0.8, 0.6 * r), (0.95, 1.1 * r), (0, 1.15 * r)]
        k.lathe(stick, at=(0, 0.85 * r, 0.6 * h), rpy=(-75, 0, 0), color=color)
    elif v in (3, 4) or k.chance(0.2):  # handle over the top
        k.tube(
            arc(1.0, 10, 170, 14) * [0.85 * r, 1, 0.8 * r], 0.35, at=(0, 0, 0.85 * h), color=color
        )
    else:
        k.tube(
            arc(1.0, 80, 280, 12) * [0.75 * r, 1, 0.33 * h],
            0.45,
            at=(-0.8 * r, 0, 0.52 * h),
            color=color,
            collide=True,
        )
    lid = outline[-1][0] * r
    k.lathe([(0, 0), (lid * 1.05, 0), (0.75 * lid, 0.5), (0, 0.75)], at=(0, 0, h))
    k.ball(k.u(0.5, 0.75), at=(0, 0, h + 1.1), color=color)
