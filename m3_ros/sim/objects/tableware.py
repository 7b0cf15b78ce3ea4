"""What is laid for a meal: mugs, cups, bowls, plates, teapots, spoons."""

import numpy as np

from m3_ros.sim.objects.kit import INK, Kit
from m3_ros.sim.objects.meshes import arc, lathe


def wall(outline: list[tuple[float, float]], thickness: float) -> list[tuple[float, float]]:
    """Hollow a vessel: the outline from its foot up, and back down inside to the floor."""
    inside = [(max(r - thickness, 0.05), max(z, thickness)) for r, z in reversed(outline)]
    return [(0, outline[0][1]), *outline, *inside, (0, thickness)]


def _handle(k: Kit, style: int, radius: float, height: float) -> None:
    """Handle on the +x side of a vessel of this radius and height."""
    reach, thick = k.u(1.8, 2.8), k.u(0.35, 0.6)
    half, middle = height * k.u(0.26, 0.34), height * k.u(0.48, 0.56)
    if style == 0:  # round
        points = arc(1.0, -95, 95, 12) * [reach, 1, half]
    elif style == 1:  # angular
        points = np.array(
            [[0, 0, -1], [0.8, 0, -1], [1, 0, -0.8], [1, 0, 0.8], [0.8, 0, 1], [0, 0, 1]]
        )
        points = points * [reach, 1, half]
    else:  # ear: wide above, narrow below
        points = np.array(
            [[0, 0, -1], [0.5, 0, -0.75], [0.9, 0, 0], [1, 0, 0.6], [0.6, 0, 1], [0, 0, 0.9]]
        )
        points = points * [reach, 1, half]
    k.tube(points, thick, at=(radius - 0.25, 0, middle), collide=True)


def mug(k: Kit, v: int) -> None:
    """Cylindrical, conical, bulging, waisted or stepped body with a handle."""
    r, h = k.u(3.0, 4.0), k.u(7, 10)
    outline = [
        [(r, 0), (r, h)],
        [(0.78 * r, 0), (r, h)],
        [(0.8 * r, 0), (r, 0.3 * h), (r, 0.6 * h), (0.88 * r, h)],
        [(r, 0), (0.85 * r, 0.5 * h), (r, h)],
        [(0.95 * r, 0), (0.95 * r, 0.1 * h), (r, 0.14 * h), (r, h)],
        [(0.6 * r, 0), (0.9 * r, 0.15 * h), (r, 0.4 * h), (r, h)],
    ][v]
    k.lathe(wall(outline, 0.35), collide=True)
    _handle(k, int(k.rng.integers(3)), r * (0.9 if v == 3 else 0.97), h)
    if k.chance(0.25):
        k.cylinder(0.8 * r, 0.3, at=(0, 0, 0.8 * h), color=(0.2, 0.11, 0.05), collide=False)
    if k.chance(0.2) and v in (0, 4):
        k.cylinder(r + 0.04, 0.15 * h, at=(0, 0, 0.3 * h), color=k.accent, collide=False)


def cup(k: Kit, v: int) -> None:
    """Tumbler or paper cup without a handle."""
    r, h = k.u(2.9, 3.8), k.u(7.5, 11.5)
    outline = [
        [(0.72 * r, 0), (r, h)],
        [(0.9 * r, 0), (r, h)],
        [(0.7 * r, 0), (0.72 * r, 0.5 * h), (0.76 * r, 0.52 * h), (r, h)],
        [(0.66 * r, 0), (0.97 * r, 0.95 * h), (1.06 * r, 0.96 * h), (1.06 * r, h)],
        [(0.75 * r, 0), (0.95 * r, 0.4 * h), (r, h)],
        [(0.8 * r, 0), (0.8 * r, 0.1 * h), (0.72 * r, 0.14 * h), (r, h)],
    ][v]
    k.lathe(wall(outline, 0.2))
    if v in (0, 3) and k.chance(0.4):  # coffee to go: lid and sleeve
        k.lathe(
            [(0, h), (1.05 * r, h), (1.0 * r, h + 0.9), (0.85 * r, h + 1.0), (0, h + 0.7)],
            color=k.accent,
        )
    elif k.chance(0.3):
        z = 0.62 * h
        ring = np.interp(z, [p[1] for p in outline], [p[0] for p in outline])
        k.cylinder(ring + 0.1, 0.7, at=(0, 0, z), color=k.accent, collide=False)


def bowl(k: Kit, v: int) -> None:
    """Open, wider than high."""
    r, h = k.u(3.6, 4.2), k.u(2.8, 4.4)
    outline = [
        [(0.45 * r, 0), (0.75 * r, 0.25 * h), (0.93 * r, 0.6 * h), (r, h)],
        [(0.5 * r, 0), (r, h)],
        [(0.5 * r, 0), (0.5 * r, 0.15 * h), (0.85 * r, 0.4 * h), (r, h)],
        [(0.6 * r, 0), (0.9 * r, 0.3 * h), (0.98 * r, 0.65 * h), (0.92 * r, h)],
        [(0.8 * r, 0), (0.95 * r, 0.3 * h), (0.95 * r, 0.9 * h), (1.04 * r, h)],
        [(0.35 * r, 0), (0.4 * r, 0.2 * h), (0.7 * r, 0.35 * h), (0.95 * r, 0.75 * h), (r, h)],
    ][v]
    k.lathe(wall(outline, 0.3))
    if k.chance(0.3):
        k.tube(arc(outline[-1][0], 0, 360, 25, "xy"), 0.22, at=(0, 0, h), color=k.accent)


def plate(k: Kit, v: int) -> None:
    """Saucer or small deep plate, low and round."""
    r, h = k.u(3.7, 4.2), k.u(1.5, 2.2)
    outline = [
        [(0.6 * r, 0), (0.7 * r, 0.35 * h), (r, h)],
        [(0.55 * r, 0), (0.8 * r, 0.25 * h), (r, h)],
        [(0.7 * r, 0), (0.75 * r, 0.8 * h), (r, h)],
        [(0.9 * r, 0), (r, h)],
        [(0.5 * r, 0), (0.52 * r, 0.25 * h), (0.8 * r, 0.5 * h), (r, h)],
        [(0.65 * r, 0), (0.65 * r, 0.5 * h), (0.95 * r, 0.75 * h), (r, h)],
    ][v]
    k.lathe(wall(outline, 0.35))
    if k.chance(0.45):
        k.tube(
            arc(outline[-1][0] - 0.15, 0, 360, 25, "xy"), 0.2, at=(0, 0, h - 0.1), color=k.accent
        )


def teapot(k: Kit, v: int) -> None:
    """Round body with spout, handle, lid and knob."""
    r = k.u(3.2, 3.9)
    h = 2 * r * [0.85, 1.0, 0.75, 1.2, 0.9, 1.05][v]
    outline = [
        [(0.55, 0), (0.9, 0.2), (1, 0.5), (0.85, 0.8), (0.5, 1)],
        [(0.6, 0), (0.95, 0.25), (0.95, 0.6), (0.6, 0.95), (0.4, 1)],
        [(0.6, 0), (1, 0.35), (0.9, 0.7), (0.45, 1)],
        [(1, 0), (0.85, 0.5), (0.6, 1)],
        [(0.9, 0), (1, 0.1), (1, 0.75), (0.6, 1)],
        [(0.5, 0), (0.75, 0.2), (1, 0.65), (0.7, 0.95), (0.45, 1)],
    ][v]
    k.lathe([(0, 0), *[(a * r, b * h) for a, b in outline], (0, h)])
    spout = np.array([[0.8, 0, 0.3], [1.25, 0, 0.45], [1.45, 0, 0.75], [1.75, 0, 0.95]])
    k.tube(spout * [r, 1, h], [1.1, 0.8, 0.6, 0.5], collide=True)
    color = k.accent if k.chance(0.3) else None
    if v in (3, 4) or k.chance(0.2):  # handle over the top
        k.tube(
            arc(1.0, 10, 170, 14) * [0.85 * r, 1, 0.8 * r], 0.35, at=(0, 0, 0.85 * h), color=color
        )
    else:
        k.tube(
            arc(1.0, 80, 280, 12) * [0.75 * r, 1, 0.33 * h],
            0.45,
            at=(-0.8 * r, 0, 0.52 * h),
            color=color,
            collide=True,
        )
    lid = outline[-1][0] * r
    k.lathe([(0, 0), (lid * 1.05, 0), (0.75 * lid, 0.5), (0, 0.75)], at=(0, 0, h))
    k.ball(k.u(0.5, 0.75), at=(0, 0, h + 1.1), color=color)


def spoon(k: Kit, v: int) -> None:
    """Thick cooking spoon, lying: oval, round, deep, slotted, square end, short."""
    length = k.u(9, 13) * (0.7 if v == 5 else 1)
    w, r = k.u(3.0, 4.0), k.u(0.7, 0.95)
    depth = 2.0 if v != 2 else 2.8
    size = (w * (1.0 if v == 1 else 1.4), w, depth)
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
    k.tube(path, [0.8 * r, 0.75 * r, r, 1.1 * r], collide=True)
    if v == 3:
        for y in (-0.25, 0, 0.25):
            k.box((0.7 * w, 0.25, 0.1), at=(0, y * w, 0.14 * depth), color=INK, collide=False)
    if v == 4:
        k.ball(1.25 * r, at=(0.5 * size[0] + length, 0, 1.25 * r))
