"""What lies about: boxes, books, remotes, phones, sponges, soap, bells, mice, light bulbs."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, INK, STEEL, WOOD, Kit
from m3_ros.sim.objects.meshes import arc, extrude

SCREEN = (0.10, 0.13, 0.17)


def box(k: Kit, v: int) -> None:
    """Carton: cube, tall, flat, with label, with tape, gable top, open flaps."""
    a, b, h = [(5, 5, 5), (6, 4.5, 10), (6, 9, 4), (5.5, 5.5, 8), (5.8, 8.5, 5.5), (5.5, 7, 6)][v]
    a, b, h = a * k.u(0.85, 1.08), b * k.u(0.85, 1.1), h * k.u(0.85, 1.15)
    k.box((a, b, h), at=(0, 0, h / 2))
    if v == 3:  # milk carton
        gable = np.array([[a / 2, 0], [0, 0.35 * h], [-a / 2, 0]])
        k.mesh(extrude(gable, b), at=(0, b / 2, h), rpy=(90, 0, 0))
        k.box((0.3, b, 1.2), at=(0, 0, 1.35 * h + 0.3), collide=False)
    if v in (0, 4) or k.chance(0.2):
        k.box(
            (0.22 * a, b + 0.05, h + 0.05),
            at=(0, 0, h / 2),
            color=(0.80, 0.70, 0.50),
            collide=False,
        )
    if v in (1, 2) or k.chance(0.3):
        s, t = k.u(0.4, 0.75), k.u(0.25, 0.45)
        color = k.accent
        k.box((a + 0.06, s * b, t * h), at=(0, 0, 0.55 * h), color=color, collide=False)
        k.box((s * a, b + 0.06, t * h), at=(0, 0, 0.55 * h), color=color, collide=False)
        k.box((0.5 * a, 0.35 * b, h + 0.06), at=(0, 0, h / 2), color=color, collide=False)
    if v == 5:
        for side in (-1, 1):
            k.box(
                (0.15, b, 0.5 * a),
                at=(side * (a / 2 + 0.14 * a), 0, h + 0.14 * a),
                rpy=(0, side * 45, 0),
                collide=False,
            )
        k.box((0.9 * a, 0.9 * b, 0.1), at=(0, 0, h), color=STEEL, collide=False)


def book(k: Kit, v: int) -> None:
    """Pages between covers and a spine; lying, with title, ribbon, thick, open, standing."""
    a, b, h = k.u(5.4, 6.4), k.u(7.5, 9.5), k.u(2.0, 2.8)
    if v == 2:
        h = k.u(3.2, 4.2)
    paper, cover = (0.93, 0.90, 0.80), 0.3
    k.box((a - 0.4, b - 0.5, h - 2 * cover), at=(-0.1, 0, h / 2), color=paper)
    for z in (cover / 2, h - cover / 2):
        k.box((a, b, cover), at=(0, 0, z))
    k.box((cover, b, h), at=(a / 2 - cover / 2, 0, h / 2))
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


def sponge(k: Kit, v: int) -> None:
    """Kitchen sponge with a scouring layer, bath sponge, holes."""
    a, b, h = k.u(5, 6.4), k.u(8, 10), k.u(2.8, 3.8)
    if v in (0, 1, 4):
        pad = (0.16, 0.38, 0.2) if k.chance(0.6) else INK
        pad = CREAM if np.abs(np.subtract(pad, k.main)).max() < 0.3 else pad
        low = 0.75 * h
        k.rounded((a, b, low), 0.15, at=(0, 0, low / 2))
        k.box((0.97 * a, 0.97 * b, h - low), at=(0, 0, (h + low) / 2), color=pad)
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
        x, y = k.u(-0.4, 0.4) * a, k.u(-0.4, 0.4) * (b if v != 2 else a)
        if v in (0, 4):
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


def soap_bar(k: Kit, v: int) -> None:
    """Rounded bar: pillow, oval, engraved, slab, on a dish, waisted."""
    a, b, h = k.u(4.4, 5.6), k.u(6.8, 8.4), k.u(2.2, 3.0)
    if v == 3:
        k.mesh(extrude(np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * [a / 2, b / 2], h, 0.88))
    elif v == 5:
        t = np.linspace(0, 2 * np.pi, 28, endpoint=False)
        r = 1 - 0.16 * np.cos(2 * t) * (np.abs(np.cos(t)) > 0.4)
        k.mesh(extrude(np.column_stack([r * np.cos(t) * a / 2, np.sin(t) * b / 2]), h, 0.9))
    else:
        k.rounded((a, b, h), [0.45, 0.75, 0.4, 0, 0.5][v], at=(0, 0, h / 2))
    dark = tuple(0.8 * np.asarray(k.main))
    if v in (2, 3):
        for y in (-0.16, 0, 0.16):
            k.box((0.5 * a, 0.05 * b, 0.06), at=(0, y * b, h), color=dark, collide=False)
    if v in (0, 1) and k.chance(0.5):
        k.ellipsoid((0.55 * a, 0.55 * b, 0.3), at=(0, 0, h), color=dark, collide=False)
    if v == 4:
        k.box((1.25 * a, 1.2 * b, 0.6), at=(0, 0, 0.0), color=k.accent)
    if k.chance(0.2):
        for _ in range(5):
            k.ball(
                k.u(0.2, 0.4),
                at=(k.u(-0.3, 0.3) * a, k.u(-0.3, 0.3) * b, h),
                collide=False,
                color=(0.95, 0.96, 0.98),
            )


def bell(k: Kit, v: int) -> None:
    """Flared bell with a handle or ring, a clapper, or a desk bell."""
    r, h = k.u(2.8, 3.6), k.u(5, 6.5)
    shapes = [
        [(1, 0), (0.8, 0.15), (0.62, 0.5), (0.5, 0.8), (0.2, 1)],
        [(1, 0), (0.72, 0.2), (0.6, 0.6), (0.55, 0.85), (0.15, 1)],
        [(1, 0), (0.95, 0.25), (0.75, 0.65), (0.35, 0.95), (0, 1)],
        [(1, 0), (0.85, 0.1), (0.7, 0.4), (0.62, 0.75), (0.3, 1)],
        [(1, 0), (0.75, 0.35), (0.5, 0.7), (0.3, 1)],
        [(1, 0), (0.9, 0.08), (0.65, 0.3), (0.6, 0.7), (0.4, 0.95), (0, 1)],
    ]
    foot = 0.0
    if v == 2:  # desk bell on a foot
        foot, h = 1.2, 0.6 * h
        k.cylinder(1.12 * r, foot, at=(0, 0, foot / 2), color=INK)
    k.lathe(np.array([(0, 0), *shapes[v], (0, 1)]) * [r, h] + [0, foot])
    k.tube(arc(r, 0, 360, 23, "xy"), 0.22, at=(0, 0, foot + 0.1))
    if v == 2:
        k.cylinder(0.35, 1.0, at=(0, 0, foot + h + 0.4), color=STEEL)
        k.ball(0.55, at=(0, 0, foot + h + 1.0), color=STEEL)
    elif v in (0, 3):
        color = WOOD if k.chance(0.6) else INK
        k.lathe(
            [(0, 0), (0.45, 0), (0.8, 1.5), (0.6, 3), (0.95, 4), (0, 4.5)],
            at=(0, 0, h),
            color=color,
        )
    else:
        k.tube(
            arc(0.8, -20, 200, 14), 0.25, at=(0, 0, h + 0.5), color=k.accent if v == 1 else None
        )
        k.ball(0.75, at=(0, 0, 0.1), color=INK)


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
