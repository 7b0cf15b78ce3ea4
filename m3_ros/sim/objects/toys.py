"""What one plays with: ducks, bears, balls, bricks, dice, stars."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, INK, Kit
from m3_ros.sim.objects.meshes import arc, extrude, regular_outline

BEAK = (0.95, 0.45, 0.08)


def _eyes(k: Kit, at: tuple[float, float, float], apart: float, radius: float) -> None:
    for side in (-1, 1):
        k.ball(radius, at=(at[0], side * apart / 2, at[2]), color=INK, collide=False)


def duck(k: Kit, v: int) -> None:
    """Bath duck: body, head, beak, tail, wings; classic, slim, sitting, long neck, chick, hat."""
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
    body_z = 0.5 * height
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
    if v == 5:
        k.cylinder(0.95 * head, 0.25, at=(x, 0, z + 0.75 * head), color=k.accent, collide=False)
        k.cylinder(0.6 * head, 0.9, at=(x, 0, z + 1.1 * head), color=k.accent, collide=False)


def teddy_bear(k: Kit, v: int) -> None:
    """Sitting or standing bear: body, head, ears, muzzle, limbs."""
    b = k.u(2.2, 2.8)
    sitting = v in (0, 2, 4)
    head = b * [0.85, 0.8, 1.05, 0.9, 0.75, 0.95][v]
    body_h = 2.3 * b
    base = 0.1 if sitting else 1.6 * b
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
        ear = 0.36 * head
        k.ball(ear, at=(0, side * 0.75 * head, z + 0.75 * head), collide=False)
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
    k.ball(0.17 * head, at=(1.14 * head, 0, z - 0.08 * head), color=INK, collide=False)
    _eyes(k, (0.86 * head, 0, z + 0.28 * head), 0.75 * head, 0.13 * head)
    if v == 5:
        k.tube(arc(0.75 * head, 0, 360, 21, "xy"), 0.3, at=(0, 0, base + body_h), color=k.accent)


def ball(k: Kit, v: int) -> None:
    """Plain, banded, seamed, dotted, two-coloured, ridged."""
    r = k.u(2.3, 3.7)
    k.ball(r)
    if v == 1:
        for tilt in (0,) if k.chance(0.5) else (-90, 90):
            k.tube(
                arc(0.985 * r, 0, 360, 25, "xy"),
                0.16 * r if tilt == 0 else 0.08 * r,
                color=k.accent,
                rpy=(tilt, 0, 0),
            )
    elif v == 2:
        t = np.linspace(0, 2 * np.pi, 50)
        seam = np.column_stack(
            [np.cos(t) + 0.35 * np.cos(3 * t), np.sin(t) - 0.35 * np.sin(3 * t), np.sin(2 * t)]
        )
        seam *= r / np.linalg.norm(seam, axis=1, keepdims=True)
        k.tube(seam, 0.06 * r, color=k.accent)
    elif v == 3:
        for direction in k.rng.normal(size=(14, 3)):
            k.ball(
                0.24 * r,
                at=tuple(0.82 * r * direction / np.linalg.norm(direction)),
                color=k.accent,
                collide=False,
            )
    elif v == 4:
        angle = np.linspace(0.25, np.pi / 2, 7)
        k.lathe(
            np.column_stack([np.cos(angle), np.sin(angle)]) * r * 1.01,
            color=k.accent,
            collide=False,
        )
    elif v == 5:
        for tilt in (0, 60, 120):
            k.tube(arc(r, 0, 360, 25), 0.06 * r, rpy=(0, 0, tilt), color=INK)
        k.tube(arc(r, 0, 360, 25, "xy"), 0.06 * r, color=INK)
    k.turn((k.u(0, 360), k.u(0, 360), 0))


def toy_block(k: Kit, v: int) -> None:
    """Building brick with studs: 2x2, 2x4, 2x3, 1x4, flat, stepped."""
    pitch = k.u(1.7, 2.3)
    nx, ny, layers = [
        (2, 2, 1.0),
        (4, 2, 1.0),
        (3, 2, 1.0),
        (4, 1, 1.3),
        (4, 2, 0.7),
        (3, 2, 1.0),
    ][v]
    h = 1.15 * pitch * layers
    k.box((nx * pitch, ny * pitch, h), at=(0, 0, h / 2))
    for i in range(nx):
        top = h
        if v == 5 and i == 0:
            k.box((pitch, ny * pitch, h), at=((0.5 - nx / 2) * pitch, 0, 1.5 * h))
            top = 2 * h
        for j in range(ny):
            at = ((i + 0.5 - nx / 2) * pitch, (j + 0.5 - ny / 2) * pitch, top + 0.15 * pitch)
            k.cylinder(0.31 * pitch, 0.35 * pitch, at=at, collide=False)


def dice(k: Kit, v: int) -> None:
    """Cube with pips: sharp, rounded, large, small, big pips, framed."""
    a = [4.2, 4.0, 5.5, 3.0, 4.6, 4.4][v] * k.u(0.9, 1.1)
    if v in (1, 3):
        k.rounded((a, a, a), 0.22)
    else:
        k.box((a, a, a))
    dot = a * (0.13 if v == 4 else 0.095)
    dark = INK if np.mean(k.main) > 0.45 else CREAM
    g = 0.26
    spots = {
        1: [(0, 0)],
        2: [(-g, -g), (g, g)],
        3: [(-g, -g), (0, 0), (g, g)],
        4: [(-g, -g), (g, g), (-g, g), (g, -g)],
        5: [(-g, -g), (g, g), (-g, g), (g, -g), (0, 0)],
        6: [(-g, -g), (g, g), (-g, g), (g, -g), (-g, 0), (g, 0)],
    }
    faces = {1: (2, 1), 6: (2, -1), 2: (0, 1), 5: (0, -1), 3: (1, 1), 4: (1, -1)}
    for count, (axis, sign) in faces.items():
        for s, t in spots[count]:
            at, size = np.zeros(3), np.full(3, 2 * dot)
            at[axis], size[axis] = sign * a / 2, 0.12
            at[(axis + 1) % 3], at[(axis + 2) % 3] = s * a, t * a
            k.ellipsoid(size, at=at, color=dark, collide=False)
    k.turn((0, 0, k.u(0, 360)))


def star(k: Kit, v: int) -> None:
    """Flat star: five or six points, blunt, sharp, standing, layered."""
    points = [5, 5, 6, 5, 4, 5][v]
    r, h = k.u(3.2, 4.2), k.u(2.0, 2.8)
    inner = r * [0.45, 0.6, 0.55, 0.38, 0.42, 0.5][v] * k.u(0.95, 1.05)
    outline = regular_outline(points, r, inner)
    if v == 5:
        k.mesh(extrude(outline, 0.5 * h, 1.0))
        k.mesh(extrude(0.7 * outline, 0.6 * h, 0.6), at=(0, 0, 0.5 * h), color=None)
    else:
        k.mesh(extrude(outline, h, [1.0, 0.85, 0.9, 0.7, 0.8, 1.0][v]))
    if v == 3 or k.chance(0.2):  # standing on two points
        k.turn((90, 0, 0))
        k.turn((0, 54, 0))
