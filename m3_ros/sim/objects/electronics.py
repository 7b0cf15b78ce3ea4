"""Electronics: remote controls, phones, mice."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, STEEL, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, extrude

SCREEN = (0.10, 0.13, 0.17)
LCD = (0.55, 0.68, 0.55)


def remote_control(k: ObjectBuilder, v: int) -> None:
    """Long slab with buttons; six outlines; small with a pad, waisted, air conditioner's."""
    length, w, h = k.u(10.5, 15), k.u(3.2, 4.4), k.u(1.7, 2.3)
    if v in (6, 8):
        length, w = (0.75 * length, w) if v == 6 else (0.85 * length, 1.25 * w)
        k.rounded((length, w, h), 0.5 if v == 6 else 0.2, at=(0, 0, h / 2))
    elif v == 7:
        t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        edge = np.sign(np.sin(t)) * np.abs(np.sin(t)) ** 0.4 * (0.42 + 0.12 * np.cos(2 * t))
        k.mesh(extrude(np.column_stack([0.5 * length * np.cos(t), 1.1 * w * edge]), h, 0.9))
    elif v in (1, 4):
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
    if v == 8:
        glass = (0.42 * length, 0.75 * w, 0.12)
        k.box(glass, at=(0.22 * length, 0, h), color=LCD, collide=False)
        for x, y in ((-0.12, 0.25), (-0.12, -0.25), (-0.26, 0), (-0.38, 0.25), (-0.38, -0.25)):
            k.box((0.9, 0.28 * w, 0.3), at=(x * length, y * w, h), color=keys, collide=False)
        return
    rows, columns = [(7, 3), (6, 2), (5, 3), (4, 3), (8, 3), (6, 3), (3, 2), (5, 2)][v]
    for i in range(rows):
        for j in range(columns):
            at = ((i / (rows - 1) - 0.62) * 0.62 * length, (j - (columns - 1) / 2) * 0.24 * w, h)
            k.cylinder(0.075 * w + 0.08, 0.3, at=at, color=keys, collide=False)
    k.cylinder(
        0.12 * w + 0.1, 0.35, at=(0.41 * length, 0.25 * w, h), color=(0.8, 0.1, 0.1), collide=False
    )
    if v in (0, 3, 4):
        k.cylinder(0.3 * w, 0.3, at=(0.3 * length, 0, h), color=keys, collide=False)
    elif v in (6, 7):
        k.ring((0.32 if v == 6 else 0.2) * w, 0.2, at=(0.24 * length, 0, h), color=keys)


def _keypad(k: ObjectBuilder, columns: float, rows: float, at: tuple[float, float, float]) -> None:
    """Twelve keys, that many centimetres apart."""
    keys = CREAM if np.mean(k.main) < 0.5 else INK
    for i in range(4):
        for j in range(3):
            place = {"at": (at[0] + (i - 1.5) * rows, at[1] + (j - 1) * columns, at[2])}
            k.box((0.65 * rows, 0.7 * columns, 0.2), color=keys, collide=False, **place)


def _flip_phone(k: ObjectBuilder, length: float, w: float, h: float) -> None:
    """Two halves at an angle: a screen above, keys below."""
    k.rounded((0.6 * length, 0.8 * w, 0.7 * h), 0.25, at=(0.28 * length, 0, 0))
    _keypad(k, 0.22 * w, 0.1 * length, (0.3 * length, 0, 0.33 * h))
    k.turn((0, -55, 0))
    k.rounded((0.6 * length, 0.8 * w, 0.6 * h), 0.25, at=(-0.28 * length, 0, 0))
    screen = {"at": (-0.3 * length, 0, 0.29 * h), "color": SCREEN}
    k.box((0.42 * length, 0.62 * w, 0.1), collide=False, **screen)
    k.turn((0, 55, 0))


def _receiver(
    k: ObjectBuilder, length: float, depth: float, x: float = 0.0, z: float = 0.0
) -> None:
    """Handset of a telephone, along y: a bowed grip with an ear and a mouth piece."""
    grip = arc(1.0, 10, 170, 11, "yz") * [1, 0.42 * length, depth] + [x, 0, z]
    k.tube(grip, 0.85, collide=True)
    for side in (-1, 1):
        k.lathe(
            [(0, 0), (1.5, 0), (1.6, 0.8), (0.9, 1.5), (0, 1.5)],
            at=(x, side * 0.4 * length, z - 0.5),
        )


def _telephone(k: ObjectBuilder, length: float, w: float) -> None:
    """Telephone of old: a sloping base with a dial, the receiver across its top."""
    base = np.array([[0.5, 0.15], [0.5, 0], [-0.5, 0], [-0.5, 0.6], [-0.15, 0.6]])[::-1] * 1.2 * w
    k.mesh(extrude(base, 0.75 * length), at=(0, 0.375 * length, 0), rpy=(90, 0, 0))
    slope = {"at": (0.2 * w, 0, 0.48 * w), "rpy": (0, 35, 0)}
    k.cylinder(0.36 * w, 0.5, color=CREAM, collide=False, **slope)
    k.cylinder(0.17 * w, 0.65, collide=False, **slope)
    k.tube([[-0.4 * w, -1.5, 0.8 * w], [-0.4 * w, 1.5, 0.8 * w]], 1.0)
    _receiver(k, length, 1.6, x=-0.4 * w, z=0.85 * w)


def phone(k: ObjectBuilder, v: int) -> None:
    """Smart phone, key phone with an aerial, thick case; flip phone, receiver, with a dial."""
    length, w, h = k.u(10, 12.5), k.u(5.2, 6.2), k.u(1.5, 1.9)
    if v == 6:
        _flip_phone(k, length, w, h)
    elif v == 7:
        _receiver(k, 1.2 * length, 2.4)
    elif v == 8:
        _telephone(k, 0.85 * length, w)
    elif v in (0, 1, 4):
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
            color=LCD,
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


def computer_mouse(k: ObjectBuilder, v: int) -> None:
    """Humped shell, two buttons, a wheel, perhaps a cable; flat, for games, with a track ball."""
    length, w, h = k.u(8.5, 10.5), k.u(5.2, 6.2), k.u(3.0, 3.8)
    if v == 6:  # flat, its buttons split by a seam alone
        h *= 0.65
        k.rounded((1.1 * length, w, h), [0.3, 0.55][k.chance(0.5)], at=(0, 0, h / 2))
        k.box((0.5 * length, 0.12, 0.2), at=(0.28 * length, 0, h - 0.04), color=INK, collide=False)
        k.rounded((1.4, 0.5, 0.3), 0.5, at=(0.2 * length, 0, h), color=k.accent, collide=False)
        return
    if v == 7:  # narrow, over rests for thumb and finger
        k.rounded((length, 0.78 * w, 1.1 * h), 0.5, at=(0, 0, 0.55 * h))
        k.rounded((0.75 * length, 1.2 * w, 0.3 * h), 0.4, at=(-0.08 * length, 0, 0.15 * h))
        for y in (-0.2, 0.2):
            strip = {"at": (-0.25 * length, y * w, 1.05 * h), "rpy": (0, -12, 100 * y)}
            k.box((0.3 * length, 0.3, 0.2), color=k.accent, collide=False, **strip)
    elif v == 8:  # a ball beside the buttons
        k.rounded((length, 1.15 * w, 1.1 * h), 0.75, at=(0, 0, 0.45 * h))
        k.ball(0.3 * w, at=(0.02 * length, 0.42 * w, 0.75 * h), color=k.accent, collide=False)
    elif v in (0, 3):
        k.ellipsoid((length, w, 2 * h), at=(0, 0, 0))
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
