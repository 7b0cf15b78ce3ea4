"""Tableware: bowls, plates, spoons."""

import numpy as np

from m3_ros.sim.objects.builder import INK, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, lathe, lobed, pressed, wall


def bowl(k: ObjectBuilder, v: int) -> None:
    """Open, wider than high; square, with a wavy rim, a pet's bowl on a wide foot."""
    r, h = k.u(3.6, 4.2), k.u(2.8, 4.4)
    h *= 0.7 if v == 8 else 1.0
    outline = [
        [(0.45 * r, 0), (0.75 * r, 0.25 * h), (0.93 * r, 0.6 * h), (r, h)],
        [(0.5 * r, 0), (r, h)],
        [(0.5 * r, 0), (0.5 * r, 0.15 * h), (0.85 * r, 0.4 * h), (r, h)],
        [(0.6 * r, 0), (0.9 * r, 0.3 * h), (0.98 * r, 0.65 * h), (0.92 * r, h)],
        [(0.8 * r, 0), (0.95 * r, 0.3 * h), (0.95 * r, 0.9 * h), (1.04 * r, h)],
        [(0.35 * r, 0), (0.4 * r, 0.2 * h), (0.7 * r, 0.35 * h), (0.95 * r, 0.75 * h), (r, h)],
        [(0.5 * r, 0), (0.8 * r, 0.3 * h), (r, h)],
        [(0.5 * r, 0), (0.75 * r, 0.35 * h), (r, h)],
        [(r, 0), (0.95 * r, 0.2 * h), (0.8 * r, 0.9 * h), (0.78 * r, h)],
    ][v]
    profile = wall(outline, 0.3)
    if v == 6:
        k.mesh(pressed(profile))
    elif v == 7:
        k.mesh(lobed(profile, 8, 0.05))
    else:
        k.lathe(profile)
    if k.chance(0.3) and v not in (6, 7):
        k.tube(arc(outline[-1][0], 0, 360, 25, "xy"), 0.22, at=(0, 0, h), color=k.accent)


def plate(k: ObjectBuilder, v: int) -> None:
    """Saucer or small deep plate, low and round; square, oval, soup plate with rings."""
    r, h = k.u(3.7, 4.2), k.u(1.5, 2.2)
    outline = [
        [(0.6 * r, 0), (0.7 * r, 0.35 * h), (r, h)],
        [(0.55 * r, 0), (0.8 * r, 0.25 * h), (r, h)],
        [(0.7 * r, 0), (0.75 * r, 0.8 * h), (r, h)],
        [(0.9 * r, 0), (r, h)],
        [(0.5 * r, 0), (0.52 * r, 0.25 * h), (0.8 * r, 0.5 * h), (r, h)],
        [(0.65 * r, 0), (0.65 * r, 0.5 * h), (0.95 * r, 0.75 * h), (r, h)],
        [(0.78 * r, 0), (0.85 * r, 0.6 * h), (r, h)],
        [(0.6 * r, 0), (0.7 * r, 0.55 * h), (r, h)],
        [(0.5 * r, 0), (0.6 * r, 0.75 * h), (r, h)],
    ][v]
    profile = wall(outline, 0.35)
    if v in (6, 7):
        k.mesh(pressed(profile) if v == 6 else pressed(profile, 2.0, stretch=1.5))
    else:
        k.lathe(profile)
    if v == 8:
        for share in (0.7, 0.85):
            k.ring(share * r, 0.12, at=(0, 0, (0.63 * share + 0.43) * h), color=k.accent)
    if k.chance(0.45) and v not in (6, 7):
        k.tube(
            arc(outline[-1][0] - 0.15, 0, 360, 25, "xy"), 0.2, at=(0, 0, h - 0.1), color=k.accent
        )


def spoon(k: ObjectBuilder, v: int) -> None:
    """Thick spoon, lying: oval, round, deep, slotted, ball end, short; ladle, soup, measure."""
    length = k.u(9, 13) * [1, 1, 1, 1, 1, 0.7, 0.9, 0.55, 0.65][v]
    w, r = k.u(3.0, 4.0), k.u(0.7, 0.95)
    depth = [2.0, 2.0, 2.8, 2.0, 2.0, 2.0, 5.0, 3.2, 4.0][v]
    size = (w * [1.4, 1.0, 1.4, 1.4, 1.4, 1.4, 1.1, 1.8, 1.1][v], w, depth)
    angle = np.linspace(-np.pi / 2, -0.05, 7)
    outer = np.column_stack([np.cos(angle), 1 + np.sin(angle)])
    inner = np.column_stack([0.86 * np.cos(angle[::-1]), 1.08 + 0.86 * np.sin(angle[::-1])])
    vertices, faces = lathe(np.concatenate([outer, inner]))
    k.mesh((vertices * [size[0] / 2, size[1] / 2, 0.62 * depth], faces))
    path = np.array(
        [
            [0.42 * size[0], 0, 0.55 * depth],
            [0.5 * size[0] + 1.5, 0, 0.75 * depth],
            [0.5 * size[0] + 0.6 * length, 0, 0.7 * depth],
            [0.5 * size[0] + length, 0, r],
        ]
    )
    if v == 6:  # a ladle's handle rises, and ends in a hook
        path[:, 2] = [0.5 * depth, 0.8 * depth, 1.1 * depth, 1.6 * depth]
        k.tube(arc(0.9, -30, 200, 10) + path[3], 0.5 * r)
    if v == 8:
        grip = (1.3 * length, 1.8 * r, 0.8)
        k.box(grip, at=(0.4 * size[0] + 0.65 * length, 0, 0.57 * depth))
        k.cylinder(0.4, 0.9, at=(0.4 * size[0] + 1.2 * length, 0, 0.57 * depth), color=INK)
        return
    k.tube(path, [0.8 * r, 0.75 * r, r, 1.1 * r], collide=True)
    if v == 3:
        for y in (-0.25, 0, 0.25):
            k.box((0.7 * w, 0.25, 0.1), at=(0, y * w, 0.14 * depth), color=INK, collide=False)
    if v == 4:
        k.ball(1.25 * r, at=(0.5 * size[0] + length, 0, 1.25 * r))
