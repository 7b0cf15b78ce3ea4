"""What runs on electricity: torches, remotes, phones, mice, light bulbs."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, GLOW, INK, STEEL, Kit
from m3_ros.sim.objects.meshes import arc, extrude

SCREEN = (0.10, 0.13, 0.17)


def flashlight(k: Kit, v: int) -> None:
    """Torch, lying: grip, flared head, lens, switch."""
    r, length = k.u(1.2, 1.7), k.u(10, 14)
    head = r * [1.5, 1.8, 1.35, 1.6, 2.0, 1.45][v]
    start = [0.72, 0.66, 0.78, 0.6, 0.75, 0.7][v]
    profile = [(0, 0), (0.9 * r, 0), (r, 0.03), (r, start), (head, start + 0.12), (head, 1.0)]
    if v == 3:
        profile[3:] = [(r, start), (head, 0.97), (head, 1.0)]
    if v == 5:
        profile[3:4] = [(r, 0.3), (0.85 * r, 0.35), (0.85 * r, 0.6), (r, start)]
    k.lathe(
        [(a, b * length) for a, b in [*profile, (0.88 * head, 1.0), (0.5 * head, 0.95), (0, 0.95)]]
    )
    k.cylinder(0.86 * head, 0.3, at=(0, 0, 0.985 * length), color=GLOW, collide=False)
    k.tube(arc(0.96 * head, 0, 360, 19, "xy"), 0.18, at=(0, 0, length), color=k.accent)
    k.rounded((0.8, 0.9, 1.8), 0.5, at=(r, 0, 0.58 * length), color=k.accent, collide=False)
    if v in (1, 4):
        for z in np.linspace(0.12, 0.45, 5):
            k.tube(arc(r, 0, 360, 17, "xy"), 0.12, at=(0, 0, z * length), color=k.accent)
    k.turn((0, 90, 0))
    if v == 2:
        k.turn((0, -90, 0))


def remote_control(k: Kit, v: int) -> None:
    """Long slab with rows of buttons."""
    length, w, h = k.u(10.5, 15), k.u(3.2, 4.4), k.u(1.7, 2.3)
    if v in (1, 4):
        k.rounded((length, w, h), 0.35, at=(0, 0, h / 2))
    elif v == 2:
        k.rounded((length, w * 1.1, h), 0.6, at=(0, 0, h / 2))
    elif v == 5:
        k.mesh(
            extrude(
                np.array([[0.5, 0.5], [-0.5, 0.38], [-0.5, -0.38], [0.5, -0.5]]) * [length, w], h
            )
        )
    else:
        k.box((length, w, h), at=(0, 0, h / 2))
    keys = CREAM if np.mean(k.main) < 0.4 else INK
    rows, columns = [(7, 3), (6, 2), (5, 3), (4, 3), (8, 3), (6, 3)][v]
    for i in range(rows):
        for j in range(columns):
            at = ((i / (rows - 1) - 0.62) * 0.62 * length, (j - (columns - 1) / 2) * 0.24 * w, h)
            k.cylinder(0.075 * w + 0.08, 0.3, at=at, color=keys, collide=False)
    k.cylinder(
        0.12 * w + 0.1, 0.35, at=(0.41 * length, 0.25 * w, h), color=(0.8, 0.1, 0.1), collide=False
    )
    if v in (0, 3, 4):
        k.cylinder(0.3 * w, 0.3, at=(0.3 * length, 0, h), color=keys, collide=False)


def phone(k: Kit, v: int) -> None:
    """Smart phone with a dark screen, or a key phone with an aerial; thick case."""
    length, w, h = k.u(10, 12.5), k.u(5.2, 6.2), k.u(1.5, 1.9)
    if v in (0, 1, 4):
        k.rounded((length, w, h), 0.12 if v == 0 else 0.2, at=(0, 0, h / 2))
        border = 0.9 if v != 4 else 0.82
        k.box((border * length * 0.98, border * w, 0.1), at=(0, 0, h), color=SCREEN, collide=False)
        if v == 1:
            k.cylinder(0.35, 0.2, at=(-0.47 * length, 0, h), color=STEEL, collide=False)
        for x, y in ((0.4, 0.3), (0.4, 0.12), (0.3, 0.3)):
            k.cylinder(0.42, 0.2, at=(x * length, y * w, 0), color=INK, collide=False)
        if v == 4:
            for i in range(3):
                for j in range(3):
                    k.box(
                        (0.8, 0.8, 0.12),
                        at=((i - 0.7) * 1.8, (j - 1) * 1.5, h),
                        collide=False,
                        color=tuple(k.rng.uniform(0.2, 0.95, 3)),
                    )
    else:
        w *= 0.8
        k.rounded((length, w, h), 0.3, at=(0, 0, h / 2))
        k.box(
            (0.3 * length, 0.72 * w, 0.12),
            at=(0.22 * length, 0, h),
            color=(0.55, 0.68, 0.55),
            collide=False,
        )
        keys = CREAM if np.mean(k.main) < 0.5 else INK
        for i in range(4):
            for j in range(3):
                at = (-0.4 * length + i * 0.11 * length, (j - 1) * 0.24 * w, h)
                k.box((0.075 * length, 0.17 * w, 0.25), at=at, color=keys, collide=False)
        if v in (2, 5):
            k.capsule(0.4, 1.8, at=(0.55 * length, 0.35 * w, h / 2), rpy=(0, 90, 0), color=keys)
    if v == 5:
        k.turn((0, -90, 0))
    elif k.chance(0.15) and v == 0:
        k.turn((180, 0, 0))


def computer_mouse(k: Kit, v: int) -> None:
    """Humped shell, two buttons, a wheel, perhaps a cable."""
    length, w, h = k.u(8.5, 10.5), k.u(5.2, 6.2), k.u(3.0, 3.8)
    if v in (0, 3):
        k.ellipsoid((length, w, 2 * h), at=(0, 0, 0))
        k.cylinder(0.1, 0.1, at=(0, 0, -h + 0.05), collide=False)
        k.parts.pop()
    else:
        k.rounded(
            (length, w, h if v != 5 else 1.2 * h),
            [0, 0.6, 0.8, 0, 0.5, 0.7][v],
            at=(0, 0, 0.5 * h),
        )
    k.box(
        (0.46 * length, 0.14, 0.4),
        at=(0.27 * length, 0, 0.86 * h),
        rpy=(0, 16, 0),
        color=INK,
        collide=False,
    )
    k.cylinder(
        0.75,
        0.6,
        at=(0.26 * length, 0, 0.78 * h),
        rpy=(90, 0, 0),
        color=INK if v != 3 else STEEL,
        collide=False,
    )
    if v in (1, 3, 5):
        t = np.linspace(0, 1, 14)
        cable = np.column_stack(
            [0.48 * length + 6 * t, 1.6 * np.sin(4 * t), 0.3 * h * (1 - t) + 0.2]
        )
        k.tube(cable, 0.2, color=INK)
    if v in (2, 4):
        k.box(
            (0.5 * length, w * 0.4, 0.12),
            at=(-0.2 * length, 0, 0.95 * h),
            color=k.accent,
            collide=False,
        )


def light_bulb(k: Kit, v: int) -> None:
    """Glass in the main colour on a screw base, lying or standing on its base."""
    r, h = k.u(2.4, 3.1), k.u(5.5, 7)
    shapes = [
        [(0.42, 0), (0.5, 0.15), (0.95, 0.5), (1, 0.68), (0.75, 0.92), (0, 1)],
        [(0.45, 0), (0.6, 0.1), (1, 0.45), (0.85, 0.8), (0.45, 0.97), (0, 1)],
        [(0.4, 0), (0.4, 0.25), (0.9, 0.6), (1, 0.75), (0.7, 0.95), (0, 1)],
        [(0.5, 0), (0.75, 0.3), (0.6, 0.65), (0.25, 0.9), (0, 1)],
        [(0.45, 0), (0.5, 0.1), (0.95, 0.85), (0.95, 0.95), (0, 1)],
        [(0.4, 0), (0.55, 0.3), (0.95, 0.55), (1, 0.75), (0.6, 0.96), (0, 1)],
    ]
    k.lathe(np.array([(0, 0), *shapes[v]]) * [r, h])
    base = 0.42 * r
    k.cylinder(base, 1.8, at=(0, 0, -0.9), color=STEEL)
    for z in (-0.4, -0.9, -1.4):
        k.tube(arc(base, 0, 360, 15, "xy"), 0.14, at=(0, 0, z), color=STEEL)
    k.ball(0.5 * base, at=(0, 0, -1.9), color=INK, collide=False)
    if v != 2:
        k.turn((0, 90 + np.degrees(np.arctan2(r - base, h)) * 0.8, 0))
