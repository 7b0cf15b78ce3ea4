"""Toy animals: ducks and bears."""

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, ObjectBuilder
from m3_ros.sim.objects.meshes import arc

BEAK = (0.95, 0.45, 0.08)


def _eyes(k: ObjectBuilder, at: tuple[float, float, float], apart: float, radius: float) -> None:
    for side in (-1, 1):
        k.ball(radius, at=(at[0], side * apart / 2, at[2]), color=INK, collide=False)


def duck(k: ObjectBuilder, v: int) -> None:
    """Bath duck: classic, slim, sitting, long neck, chick, hat; chubby, sunglasses, on wheels."""
    w = k.u(4.6, 6.0)
    length, height = w * k.u(1.25, 1.5), w * k.u(0.72, 0.85)
    head, forward, lift = w * k.u(0.36, 0.42), 0.30, 1.05
    if v == 1:
        length, head = 1.15 * length, 0.85 * head
    elif v == 2:
        height, length = 1.15 * height, 0.9 * length
    elif v == 3:
        lift, head = 1.6, 0.85 * head
    elif v == 4:
        length, head, forward = w * 1.05, 1.2 * head, 0.15
    elif v == 6:
        length, height, head, forward, lift = 1.1 * w, 0.95 * w, 1.1 * head, 0.2, 0.9
    elif v == 8:
        lift, head, forward = 1.2, 0.9 * head, 0.36
    body_z = 0.5 * height
    if v == 8:  # a wooden one to pull along
        w *= 0.8
        k.rounded((length, w, height), 0.55, at=(0, 0, body_z))
        for x in (-0.27, 0.27):
            place = {"at": (x * length, 0, 0.02 * w), "rpy": (90, 0, 0)}
            k.cylinder(0.24 * w, 1.1 * w, color=k.accent, **place)
    else:
        k.ellipsoid((length, w, height), at=(0, 0, body_z))
        k.cylinder(0.33 * w, 0.4, at=(0, 0, 0.15))
    x, z = forward * length, lift * height + 0.55 * head
    k.capsule(
        0.6 * head,
        z - body_z,
        at=(0.5 * (x + 0.2 * length), 0, (z + body_z) / 2),
        rpy=(0, 8, 0),
        collide=False,
    )
    k.ball(head, at=(x, 0, z))
    beak = BEAK if np.abs(np.subtract(BEAK, k.main)).max() > 0.25 else (0.95, 0.75, 0.1)
    bill = head * k.u(0.9, 1.1)
    k.ellipsoid(
        (1.3 * bill, 1.1 * bill, 0.32 * bill),
        at=(x + 0.95 * head, 0, z - 0.1 * head),
        rpy=(0, -8, 0),
        color=beak,
        collide=False,
    )
    k.ellipsoid(
        (0.9 * bill, 0.8 * bill, 0.3 * bill),
        at=(x + 0.9 * head, 0, z - 0.3 * head),
        rpy=(0, 10, 0),
        color=beak,
        collide=False,
    )
    for side in (-1, 1):
        eye = (x + 0.68 * head, side * 0.55 * head, z + 0.42 * head)
        if k.chance(0.5):
            k.ball(0.24 * head, at=eye, color=CREAM, collide=False)
        k.ball(
            0.16 * head,
            at=(eye[0] + 0.12 * head, eye[1] * 1.12, eye[2] + 0.03),
            color=INK,
            collide=False,
        )
        k.ellipsoid(
            (0.55 * length, 0.2 * w, 0.5 * height),
            collide=False,
            rpy=(0, -15, side * 8),
            at=(-0.1 * length, side * 0.46 * w, 1.1 * body_z),
        )
    k.lathe(
        np.array([(0, -1), (1, -1), (0.65, 0), (0.1, 1), (0, 1)]) * [0.26 * w, 0.28 * w],
        at=(-0.47 * length, 0, 0.85 * height),
        rpy=(0, -50, 0),
        collide=False,
    )
    if v == 7:
        for side in (-1, 1):
            lens = {"at": (x + 0.92 * head, side * 0.42 * head, z + 0.42 * head)}
            k.cylinder(0.36 * head, 0.25, rpy=(0, 75, side * 25), color=INK, collide=False, **lens)
        k.ring(0.75 * head, 0.16 * head, at=(x, 0, z - 0.72 * head), color=k.accent)
    if v == 5:
        k.cylinder(0.95 * head, 0.25, at=(x, 0, z + 0.75 * head), color=k.accent, collide=False)
        k.cylinder(0.6 * head, 0.9, at=(x, 0, z + 1.1 * head), color=k.accent, collide=False)


def teddy_bear(k: ObjectBuilder, v: int) -> None:
    """Sitting or standing bear, scarf; big ears and a bow tie, panda, slim in a jersey."""
    b = k.u(2.2, 2.8)
    sitting = v not in (1, 3, 5)
    head = b * [0.85, 0.8, 1.05, 0.9, 0.75, 0.95, 1.15, 1.0, 0.85][v]
    body_h = b * [2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 1.9, 2.0, 2.5][v]
    base = 0.1 if sitting else 1.6 * b
    limbs = k.accent if v == 7 else None
    muzzle = CREAM if np.mean(k.main) < 0.8 else (0.75, 0.6, 0.45)
    k.ellipsoid((1.7 * b, 2 * b, body_h), at=(0, 0, base + body_h / 2))
    k.ellipsoid(
        (0.5 * b, 1.3 * b, 0.65 * body_h),
        at=(0.68 * b, 0, base + 0.48 * body_h),
        color=muzzle,
        collide=False,
    )
    z = base + body_h + 0.7 * head
    k.ball(head, at=(0, 0, z))
    for side in (-1, 1):
        ear = (0.36 if v != 6 else 0.5) * head
        k.ball(ear, at=(0, side * 0.75 * head, z + 0.75 * head), color=limbs, collide=False)
        k.ball(
            0.6 * ear,
            at=(0.6 * ear, side * 0.75 * head, z + 0.75 * head),
            color=muzzle,
            collide=False,
        )
        arm = 35 if v in (0, 1, 5) else 100
        k.capsule(
            0.36 * b,
            1.2 * b,
            at=(0.35 * b, side * 1.1 * b, base + 0.68 * body_h),
            rpy=(side * arm, 20, 0),
            color=limbs,
            collide=False,
        )
        if sitting:
            k.capsule(
                0.45 * b, 0.9 * b, at=(1.0 * b, side * 0.7 * b, 0.45 * b), rpy=(0, 90, side * 20)
            )
        else:
            k.capsule(0.45 * b, 1.2 * b, at=(0.1, side * 0.5 * b, 0.9 * b))
    k.ellipsoid(
        (0.7 * head, 0.85 * head, 0.65 * head),
        at=(0.8 * head, 0, z - 0.25 * head),
        color=muzzle,
        collide=False,
    )
    if v == 7:
        for side in (-1, 1):
            patch = {"at": (0.72 * head, side * 0.42 * head, z + 0.3 * head)}
            k.ellipsoid(np.array([0.4, 0.45, 0.6]) * head, color=limbs, collide=False, **patch)
    k.ball(0.17 * head, at=(1.14 * head, 0, z - 0.08 * head), color=INK, collide=False)
    _eyes(k, (0.86 * head, 0, z + 0.28 * head), 0.75 * head, 0.13 * head)
    if v == 6:
        for side in (-1, 1):
            bow = {
                "at": (0.75 * b, side * 0.45 * b, base + 0.92 * body_h),
                "rpy": (side * 20, 0, 0),
            }
            k.ellipsoid((0.4 * b, 0.85 * b, 0.6 * b), color=k.accent, collide=False, **bow)
    elif v == 8:
        band = {"at": (0, 0, base + 0.6 * body_h), "color": k.accent, "collide": False}
        k.ellipsoid((1.76 * b, 2.06 * b, 0.75 * body_h), **band)
        k.ring(0.55 * b, 0.14 * b, at=(0, 0, base + 0.95 * body_h), color=k.accent)
    if v == 5:
        k.tube(arc(0.75 * head, 0, 360, 21, "xy"), 0.3, at=(0, 0, base + body_h), color=k.accent)
