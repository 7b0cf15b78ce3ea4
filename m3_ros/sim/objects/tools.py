"""What one works with: drivers, hammers, wrenches, tape, brushes, padlocks."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, INK, STEEL, WOOD, Kit
from m3_ros.sim.objects.meshes import arc, extrude, regular_outline


def screwdriver(k: Kit, v: int) -> None:
    """Coloured handle, steel shaft, lying."""
    r, handle, shaft = k.u(1.15, 1.6), k.u(6.5, 9), k.u(5, 9)
    shapes = [
        [(0.8, 0), (1, 0.1), (1, 0.75), (0.6, 0.9), (0.75, 1)],
        [(0.6, 0), (1, 0.25), (0.8, 0.6), (1, 0.85), (0.5, 1)],
        [(1, 0), (1, 0.65), (0.55, 0.8), (0.55, 1)],
        [(0.9, 0), (1, 0.5), (0.9, 0.95), (0.4, 1)],
        [(0.7, 0), (1.1, 0.15), (1.1, 0.4), (0.7, 0.8), (0.9, 1)],
        [(0.5, 0), (1, 0.12), (0.85, 0.5), (0.7, 0.7), (0.95, 0.95), (0.5, 1)],
    ]
    if v == 4:
        handle *= 0.75
    if v == 3:
        k.mesh(extrude(regular_outline(6, 1.1 * r), handle))
    else:
        k.lathe(np.array([(0, 0), *shapes[v], (0, 1)]) * [r, handle])
    if v in (0, 2):
        for angle in np.arange(6) * np.pi / 3:
            k.capsule(
                0.16,
                0.5 * handle,
                at=(r * np.cos(angle), r * np.sin(angle), 0.42 * handle),
                color=k.accent,
                collide=False,
            )
    k.cylinder(k.u(0.28, 0.42), shaft, at=(0, 0, handle + shaft / 2), color=STEEL)
    k.box((0.9, 0.25, 1.2), at=(0, 0, handle + shaft), color=STEEL, collide=False)
    k.turn((0, 90, 0))


def hammer(k: Kit, v: int) -> None:
    """Handle in the main colour, steel head across it; claw, mallet, ball pein, sledge."""
    length, r = k.u(11, 15), k.u(0.85, 1.15)
    head = k.u(6.0, 7.5)
    if v in (1, 4):  # mallet: the head bears the colour too
        color, radius = (None if v == 4 else k.accent), k.u(1.7, 2.1)
        k.cylinder(radius, head, at=(0, 0, length), rpy=(90, 0, 0), color=color)
        k.lathe([(0, 0), (r, 0), (0.9 * r, length), (0, length)], color=WOOD if v == 4 else None)
    else:
        steel = INK if v == 2 else STEEL
        k.lathe(
            [
                (0, 0),
                (r, 0),
                (1.15 * r, 0.1 * length),
                (0.75 * r, 0.6 * length),
                (0.7 * r, length),
                (0, length),
            ]
        )
        k.box((1.7, 0.55 * head, 1.7), at=(0, 0.02 * head, length), color=steel)
        k.cylinder(1.05, 0.28 * head, at=(0, 0.4 * head, length), rpy=(90, 0, 0), color=steel)
        if v in (0, 2):  # claw
            for x in (-0.45, 0.45):
                claw = np.array([[0, 0, 0], [0, -0.25, 0.02], [0, -0.45, -0.1]]) * head
                k.tube(claw + [x, -0.2 * head, length], [0.6, 0.45, 0.25], color=steel)
        elif v == 3:  # ball pein
            k.ball(1.0, at=(0, -0.38 * head, length), color=steel)
        else:
            wedge = extrude(
                np.array([[1, 0.9], [-1, 0.9], [-1, -0.9], [1, -0.9]]), 0.35 * head, 0.2
            )
            k.mesh(wedge, at=(0, -0.22 * head, length), rpy=(90, 0, 0), color=steel)
    k.turn((0, 90, 0))


def wrench(k: Kit, v: int) -> None:
    """Spanner, lying: open end, ring end, double, thick grip."""
    length, w, t = k.u(11, 14), k.u(1.5, 2.0), k.u(1.75, 2.1)
    k.box((length, w, t), at=(0, 0, 0))
    if v in (1, 4):
        k.rounded(
            (0.55 * length, 1.25 * w, 1.3 * t), 0.3, at=(-0.1 * length, 0, 0), color=k.accent
        )
    for side, open_end in ((1, v != 2), (-1, v in (0, 3))):
        x = side * (length / 2 + 0.5)
        if open_end:
            jaw = arc(1.5 * w, 40, 320, 12, "xy") * [1, 0.85, 1]
            k.tube(
                np.array(jaw) * 0.75 + [0.6 * w, 0, 0],
                0.42 * w,
                at=(x, 0, 0),
                rpy=(0, 0, (0 if side > 0 else 180) + k.u(-20, 20)),
                collide=True,
            )
        elif v != 5:
            k.tube(arc(0.85 * w, 0, 360, 17, "xy"), 0.4 * w, at=(x, 0, 0), collide=True)
        else:
            k.cylinder(0.75 * w, t, at=(x, 0, 0))


def tape_roll(k: Kit, v: int) -> None:
    """Ring of adhesive tape, lying or standing, with a cardboard core."""
    r = k.u(3.0, 4.0)
    hole, h = (
        r * [0.6, 0.7, 0.5, 0.65, 0.78, 0.55][v],
        [2.4, 1.8, 3.2, 4.6, 2.2, 2.8][v] * k.u(0.9, 1.1),
    )
    h = max(h, 1.8)
    core = (0.76, 0.62, 0.42)
    k.lathe([(hole, 0), (r, 0), (r, h), (hole, h)])
    k.lathe(
        [(hole, 0.97 * h), (hole - 0.25, 0.97 * h), (hole - 0.25, 0.03 * h), (hole, 0.03 * h)],
        color=core,
        collide=False,
    )
    k.lathe([(hole - 0.02, h), (hole - 0.02, 0)], color=core, collide=False)
    if v in (2, 3) or k.chance(0.25):
        k.box((k.u(1, 2), 0.15, h), at=(-0.6, r, h / 2), rpy=(0, 0, 12), collide=False)
    if v == 5:
        k.turn((90, 0, 0))


def brush(k: Kit, v: int) -> None:
    """Handle in the main colour and bristles; paint, scrub, hair, tooth, dish, round."""
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


def padlock(k: Kit, v: int) -> None:
    """Body in the main colour, steel shackle, key hole; lying or standing."""
    w, h, t = k.u(3.6, 4.8), k.u(3.2, 4.4), k.u(2.0, 2.6)
    if v in (0, 3):
        k.rounded((w, t, h), 0.2, at=(0, 0, h / 2))
    elif v == 1:
        k.cylinder(w / 2, t, at=(0, 0, w / 2), rpy=(90, 0, 0))
        h = 0.95 * w
    elif v == 5:
        k.mesh(
            extrude(
                np.array([[0.5, 1], [-0.5, 1], [-0.5, 0.35], [-0.25, 0], [0.25, 0], [0.5, 0.35]])
                * [w, h],
                t,
            ),
            at=(0, t / 2, 0),
            rpy=(90, 0, 0),
        )
    else:
        k.box((w, t, h), at=(0, 0, h / 2))
    rise = h * [0.35, 0.3, 0.7, 0.45, 0.3, 0.4][v]
    bow = arc(0.34 * w, 0, 180, 10)
    legs = np.concatenate([[[0.34 * w, 0, -rise]], bow, [[-0.34 * w, 0, -rise]]])
    k.tube(legs, 0.42, at=(0, 0, h + rise * 0.9), color=STEEL, collide=True)
    k.cylinder(0.45, t + 0.1, at=(0, 0, 0.5 * h), rpy=(90, 0, 0), color=INK, collide=False)
    k.box((0.3, t + 0.1, 0.9), at=(0, 0, 0.36 * h), color=INK, collide=False)
    if v in (2, 3) or k.chance(0.4):
        k.turn((90, 0, 0))
