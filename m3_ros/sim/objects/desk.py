"""What lies on a desk or a sink: books, markers, bells, sponges, soap."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, INK, STEEL, WOOD, Kit
from m3_ros.sim.objects.meshes import arc, extrude, regular_outline


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


def marker(k: Kit, v: int) -> None:
    """Felt pen, lying: thick body, cap; highlighter, crayon, slim, chisel, board marker."""
    r, length = k.u(0.95, 1.3), k.u(9.5, 13)
    if v == 3:
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
