"""Tools: drivers, hammers, wrenches, padlocks."""

import numpy as np

from m3_ros.sim.objects.builder import INK, STEEL, WOOD, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, extrude, heart_outline, lobed, regular_outline


def screwdriver(k: ObjectBuilder, v: int) -> None:
    """Coloured handle, steel shaft, lying; six handles; stubby with a ball, cross-bar, fluted."""
    r, handle, shaft = k.u(1.15, 1.6), k.u(6.5, 9), k.u(5, 9)
    shapes = [
        [(0.8, 0), (1, 0.1), (1, 0.75), (0.6, 0.9), (0.75, 1)],
        [(0.6, 0), (1, 0.25), (0.8, 0.6), (1, 0.85), (0.5, 1)],
        [(1, 0), (1, 0.65), (0.55, 0.8), (0.55, 1)],
        [(0.9, 0), (1, 0.5), (0.9, 0.95), (0.4, 1)],
        [(0.7, 0), (1.1, 0.15), (1.1, 0.4), (0.7, 0.8), (0.9, 1)],
        [(0.5, 0), (1, 0.12), (0.85, 0.5), (0.7, 0.7), (0.95, 0.95), (0.5, 1)],
        [(0.8, 0), (1.3, 0.2), (1.4, 0.45), (1.2, 0.7), (0.8, 0.9), (0.9, 1)],
        [(0.7, 0), (0.7, 0.8), (0.5, 1)],
        [
            (0.5, 0),
            (0.9, 0.05),
            (1, 0.2),
            (1, 0.7),
            (0.75, 0.78),
            (0.75, 0.85),
            (1, 0.9),
            (0.9, 1),
        ],
    ]
    if v == 4:
        handle *= 0.75
    if v == 6:
        handle, shaft = 0.6 * handle, 0.5 * shaft
    elif v == 7:
        k.capsule(1.1 * r, 5.0, rpy=(90, 0, 0))
        handle *= 0.5
    if v == 3:
        k.mesh(extrude(regular_outline(6, 1.1 * r), handle))
    elif v == 8:
        k.mesh(lobed(np.array([(0, 0), *shapes[v], (0, 1)]) * [1.1 * r, handle], 6, 0.1))
        k.cylinder(0.8 * r, 0.5, at=(0, 0, -0.1), color=k.accent)
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


def hammer(k: ObjectBuilder, v: int) -> None:
    """Coloured handle, head across it; claw, mallet, ball pein, wedge; sledge, wooden, toy."""
    length, r = k.u(11, 15), k.u(0.85, 1.15)
    head = k.u(6.0, 7.5)
    if v == 6:  # sledge: eight-sided head, a thick grip
        block = extrude(regular_outline(8, 1.4), 0.42 * head, 0.85)
        for roll in (90, -90):
            k.mesh(block, at=(0, 0, length), rpy=(roll, 0, 0), color=STEEL)
        k.lathe([(0, 0), (1.1 * r, 0), (0.9 * r, 0.5 * length), (0.9 * r, length), (0, length)])
        k.cylinder(1.4 * r, 0.45 * length, at=(0, 0, 0.22 * length))
    elif v == 7:  # carpenter's: a block whose faces slant, on a flat handle
        slant = np.array([[0.5, 1.9], [-0.5, 1.9], [-0.4, -1.9], [0.4, -1.9]]) * [head, 1]
        k.mesh(extrude(slant, 3.4), at=(1.7, 0, length), rpy=(90, 0, 90))
        k.box((1.1 * r, 1.4 * r, 0.8 * length), at=(0, 0, 0.6 * length), color=WOOD)
    elif v == 8:  # it squeaks: bellows at both ends
        k.cylinder(1.6, 0.5 * head, at=(0, 0, length), rpy=(90, 0, 0))
        for y in np.array([-0.52, -0.42, -0.32, 0.32, 0.42, 0.52]) * head:
            rib = {"at": (0, y, length), "rpy": (90, 0, 0)}
            k.lathe([(0, -0.4), (1.4, -0.35), (2.1, 0), (1.4, 0.35), (0, 0.4)], **rib)
        k.capsule(0.7 * r, length - 1, at=(0, 0, length / 2), color=k.accent)
    elif v in (1, 4):  # mallet: the head bears the colour too
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


def wrench(k: ObjectBuilder, v: int) -> None:
    """Spanner, lying: open, ring, double, thick grip; adjustable, ratchet, flat with six-sided."""
    length, w, t = k.u(11, 14), k.u(1.5, 2.0), k.u(1.75, 2.1)
    if v == 6:  # a fixed and a sliding jaw, and the knurl between
        k.mesh(extrude(np.array([[0, -0.5], [0, 0.5], [1, 0.38], [1, -0.38]]) * [-length, w], t))
        k.rounded((2.6, 2.4 * w, t), 0.4, at=(0.4, 0.2 * w, t / 2))
        for y in (0.85, -0.45):
            k.box((2.6, 0.7 * w, t), at=(2.2, y * w, t / 2), rpy=(0, 0, 12))
        k.cylinder(0.4 * w, 0.9, at=(0.3, -0.3 * w, t / 2), rpy=(0, 90, 0), color=INK)
        return
    if v == 7:  # a disc with a square drive, and a lever
        k.cylinder(1.25 * w, 0.8 * t, at=(0.55 * length, 0, 0.4 * t))
        k.box((0.9, 0.9, 2.0), at=(0.55 * length, 0, 1.1 * t), color=STEEL)
        k.box((1.8, 0.4, 0.5), at=(0.4 * length, 0, 0.85 * t), color=INK)
        k.box((0.6 * length, 0.7 * w, 0.7 * t), at=(0.2 * length, 0, 0.4 * t))
        k.capsule(0.55 * w, 0.35 * length, at=(-0.25 * length, 0, 0.5 * w), rpy=(0, 90, 0))
        return
    if v == 8:  # flat, with holes for many sizes
        k.box((length, 0.8 * w, t), at=(0, 0, t / 2))
        for side in (-1, 1):
            plate = {"at": (side * length / 2, 0, 0)}
            k.mesh(extrude(regular_outline(8, 1.35 * w), t), **plate)
            k.mesh(extrude(regular_outline(6, 0.8 * w), t + 0.06), color=INK, **plate)
        for x in np.linspace(-0.22, 0.22, 3):
            k.mesh(
                extrude(regular_outline(6, 0.27 * w), t + 0.06), at=(x * length, 0, 0), color=INK
            )
        return
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


def padlock(k: ObjectBuilder, v: int) -> None:
    """Body in the main colour, steel shackle, key hole; six bodies; heart, number wheels, long."""
    w, h, t = k.u(3.6, 4.8), k.u(3.2, 4.4), k.u(2.0, 2.6)
    if v == 6:
        k.mesh(extrude(heart_outline(1.2 * w, 1.25 * h), t), at=(0, t / 2, 0), rpy=(90, 0, 0))
    elif v == 7:
        h *= 1.15
        k.rounded((0.9 * w, t, h), 0.25, at=(0, 0, h / 2))
        for z in (0.2, 0.4, 0.6):
            k.cylinder(0.36 * w, 0.13 * h, at=(0, -0.25 * t, z * h), color=k.accent)
    elif v == 8:
        h *= 1.5
        k.box((0.8 * w, t, 0.8 * h), at=(0, 0, 0.4 * h))
        for x in (-0.29, 0.29):
            k.box((0.22 * w, t, 0.3 * h), at=(x * w, 0, 0.9 * h))
        k.box((0.84 * w, 1.04 * t, 0.1 * h), at=(0, 0, 0.14 * h), color=k.accent)
    elif v in (0, 3):
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
    rise = h * [0.35, 0.3, 0.7, 0.45, 0.3, 0.4, 0.45, 0.6, 0.1][v]
    bow = arc(0.34 * w, 0, 180, 10)
    legs = np.concatenate([[[0.34 * w, 0, -rise]], bow, [[-0.34 * w, 0, -rise]]])
    k.tube(legs, 0.42, at=(0, 0, h + rise * 0.9), color=STEEL, collide=True)
    if v != 7:
        k.cylinder(0.45, t + 0.1, at=(0, 0, 0.5 * h), rpy=(90, 0, 0), color=INK, collide=False)
        k.box((0.3, t + 0.1, 0.9), at=(0, 0, 0.36 * h), color=INK, collide=False)
    if v in (2, 3) or k.chance(0.4):
        k.turn((90, 0, 0))
