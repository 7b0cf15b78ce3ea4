"""Desk objects: books, markers, tape."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, STEEL, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, extrude, regular_outline

PAPER = (0.93, 0.90, 0.80)


def _open_book(k: ObjectBuilder, a: float, b: float) -> None:
    """Laid down open on its pages, like a roof."""
    for side in (-1, 1):
        k.turn((0, -side * 24, 0))
        k.box((a, b, 0.3), at=(side * a / 2, 0, 0))
        k.box((0.94 * a, 0.94 * b, 0.9), at=(side * 0.48 * a, 0, -0.6), color=PAPER)
        k.box((0.5 * a, 0.3 * b, 0.34), at=(side * a / 2, 0, 0), color=k.accent, collide=False)
        k.turn((0, side * 24, 0))
    k.box((0.9, b, 0.3), at=(0, 0, 0))


def book(k: ObjectBuilder, v: int) -> None:
    """Pages between covers; title, ribbon, thick, standing; open, spiral-bound, with a clasp."""
    a, b, h = k.u(5.4, 6.4), k.u(7.5, 9.5), k.u(2.0, 2.8)
    if v == 6:
        _open_book(k, 0.85 * a, b)
        k.turn((0, 0, k.u(0, 360)))
        return
    if v in (2, 8):
        h = k.u(3.2, 4.2)
    paper, cover = PAPER, 0.3
    k.box((a - 0.4, b - 0.5, h - 2 * cover), at=(-0.1, 0, h / 2), color=paper)
    for z in (cover / 2, h - cover / 2):
        k.box((a, b, cover), at=(0, 0, z))
    if v == 7:
        for y in np.linspace(-0.44, 0.44, 12):
            k.tube(arc(0.62 * h, 0, 360, 13) + [a / 2, y * b, h / 2], 0.1, color=STEEL)
        k.box((0.5 * a, 0.25 * b, 0.06), at=(-0.05 * a, 0.15 * b, h), color=CREAM, collide=False)
    else:
        k.box((cover, b, h), at=(a / 2 - cover / 2, 0, h / 2))
    if v == 8:
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            place = {"at": (x * (a / 2 - 0.5), y * (b / 2 - 0.5), h / 2), "collide": False}
            k.box((1.1, 1.1, h + 0.08), color=k.accent, **place)
        k.box((1.8, 1.2, h + 0.1), at=(-a / 2 + 0.8, 0, h / 2), color=k.accent, collide=False)
        k.mesh(extrude(regular_outline(4, 0.9), h + 0.06), color=k.accent, collide=False)
    if v in (0, 2, 5):
        k.box((0.6 * a, 0.16 * b, 0.06), at=(0, 0.2 * b, h + 0.01), color=k.accent, collide=False)
        k.box(
            (0.45 * a, 0.05 * b, 0.06), at=(0, -0.25 * b, h + 0.01), color=k.accent, collide=False
        )
    elif v == 1:
        k.box((0.45 * a, 0.45 * b, 0.06), at=(0, 0, h + 0.01), color=k.accent, collide=False)
    elif v == 3:
        k.box((0.5, b + 0.05, h + 0.1), at=(-0.3 * a, 0, h / 2), color=k.accent, collide=False)
    if v in (1, 5):
        for y in (-0.36, 0.36):
            k.box(
                (0.05, 0.05 * b, h), at=(a / 2 + 0.01, y * b, h / 2), color=k.accent, collide=False
            )
    if v == 4:
        k.box(
            (0.8, 0.06, 3.0),
            at=(0, -b / 2 - 1, h / 2),
            rpy=(80, 0, 0),
            color=k.accent,
            collide=False,
        )
    if v == 5:
        k.turn((0, 90, 0))
        k.turn((90, 0, 0))
        k.turn((0, 0, k.u(-10, 10)))
        return
    k.turn((0, 0, k.u(0, 360)))


def marker(k: ObjectBuilder, v: int) -> None:
    """Felt pen: capped, highlighter, crayon, six-sided cap; flat, uncapped, bottle with a dab."""
    r, length = k.u(0.95, 1.3), k.u(9.5, 13)
    if v == 6:  # flat highlighter
        k.rounded((1.9 * r, 2.6 * r, 0.7 * length), 0.3, at=(0, 0, 0.35 * length))
        k.rounded((2 * r, 2.7 * r, 0.4 * length), 0.3, at=(0, 0, 0.85 * length))
        k.box((0.15, 0.8 * r, 0.35 * length), at=(1.03 * r, 0, 0.85 * length), color=k.accent)
        k.rounded((1.94 * r, 2.64 * r, 0.2 * length), 0.3, at=(0, 0, 0.3 * length), color=k.accent)
    elif v == 7:  # uncapped, with its tip
        k.lathe(
            np.array([(0, 0), (0.8, 0), (1, 0.06), (1, 0.75), (0.6, 0.8), (0.5, 0.92), (0, 0.92)])
            * [r, length]
        )
        k.lathe(np.array([(0.36, 0.92), (0.3, 0.97), (0, 1)]) * [r, length], color=INK)
        k.cylinder(1.02 * r, 0.3 * length, at=(0, 0, 0.4 * length), color=k.accent, collide=False)
    elif v == 8:  # a stout bottle with a round sponge at its end
        r, length = 1.7 * r, 0.8 * length
        k.lathe(
            np.array([(0, 0), (1, 0), (1, 0.65), (0.65, 0.72), (0.65, 0.85), (0, 0.85)])
            * [r, length]
        )
        k.ball(0.6 * r, at=(0, 0, 0.87 * length), color=CREAM)
        k.cylinder(1.02 * r, 0.2 * length, at=(0, 0, 0.3 * length), color=k.accent, collide=False)
    elif v == 3:
        r, length = k.u(1.2, 1.5), k.u(7.5, 9.5)  # crayon
        k.cylinder(r, length, at=(0, 0, length / 2))
        k.lathe([(0, 0), (0.95 * r, 0), (0.4 * r, 1.6), (0, 1.6)], at=(0, 0, length))
        for z in (0.12, 0.85):
            k.cylinder(r + 0.04, 0.35, at=(0, 0, z * length), color=INK, collide=False)
    else:
        body = CREAM if v in (1, 5) and np.mean(k.main) < 0.8 else None
        k.cylinder(r, 0.62 * length, at=(0, 0, 0.31 * length), color=body)
        if v == 4:
            k.mesh(
                extrude(regular_outline(6, 1.15 * r), 0.35 * length, 0.9), at=(0, 0, 0.62 * length)
            )
        else:
            k.lathe(
                [
                    (0, 0),
                    (1.1 * r, 0),
                    ((0.9 if v != 2 else 0.6) * r, 0.36 * length),
                    (0, 0.37 * length),
                ],
                at=(0, 0, 0.62 * length),
            )
        k.box((0.25, 0.7, 0.3 * length), at=(1.2 * r, 0, 0.78 * length), collide=False)
        k.cylinder(0.9 * r, 0.4, at=(0, 0, -0.1))
        if body is not None:
            k.cylinder(r + 0.02, 0.08 * length, at=(0, 0, 0.1 * length), collide=False)
    k.turn((0, 90, 0))


def tape_roll(k: ObjectBuilder, v: int) -> None:
    """Ring of adhesive tape with a core, lying or standing; in a dispenser, thin, striped."""
    r = k.u(3.0, 4.0)
    hole, h = (
        r * [0.6, 0.7, 0.5, 0.65, 0.78, 0.55, 0.45, 0.86, 0.72][v],
        [2.4, 1.8, 3.2, 4.6, 2.2, 2.8, 2.0, 2.6, 4.0][v] * k.u(0.9, 1.1),
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
    if v == 6:  # a base with teeth, and cheeks that hold the roll
        k.box((2.6 * r, 0.35 * r, 1.5 * h), at=(0.25 * r, -1.0 * r, h / 2), color=k.accent)
        k.box((0.3, 1.1 * r, 1.1 * h), at=(1.4 * r, -0.5 * r, h / 2), color=k.accent)
        k.cylinder(0.98 * hole, 1.3 * h, at=(0, 0, h / 2), color=k.accent)
        k.tube([[0, 0.98 * r, h / 2], [1.4 * r, 0.05 * r, h / 2]], 0.1)
    elif v == 8:
        for z in (0.2, 0.8):
            k.cylinder(1.01 * r, 0.1 * h, at=(0, 0, z * h), color=k.accent, collide=False)
    if v in (5, 6, 8):
        k.turn((90, 0, 0))
