"""What holds something: mugs, cups, bowls, bottles, cans, jars, vases, teapots, plates."""

import numpy as np

from m3_ros.sim.objects.kit import CREAM, INK, STEEL, WOOD, Kit
from m3_ros.sim.objects.meshes import arc


def _wall(outline: list[tuple[float, float]], thickness: float) -> list[tuple[float, float]]:
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
    k.lathe(_wall(outline, 0.35), collide=True)
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
    k.lathe(_wall(outline, 0.2))
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
    k.lathe(_wall(outline, 0.3))
    if k.chance(0.3):
        k.tube(arc(outline[-1][0], 0, 360, 25, "xy"), 0.22, at=(0, 0, h), color=k.accent)


def bottle(k: Kit, v: int) -> None:
    """Body, shoulder, neck and cap; water, wine, squeeze, flask, sauce, sport."""
    r, h = k.u(2.5, 3.4), k.u(13, 18)
    n = k.u(0.9, 1.25)
    outline = [
        [(r, 0), (r, 0.62 * h), (n, 0.8 * h), (n, 0.93 * h)],
        [(r, 0), (r, 0.55 * h), (0.9 * r, 0.63 * h), (n, 0.7 * h), (n, 0.95 * h)],
        [
            (0.9 * r, 0),
            (r, 0.1 * h),
            (0.8 * r, 0.4 * h),
            (r, 0.62 * h),
            (n, 0.83 * h),
            (n, 0.9 * h),
        ],
        [(r, 0), (r, 0.75 * h), (0.85 * r, 0.82 * h), (n, 0.84 * h), (n, 0.9 * h)],
        [(r, 0), (0.98 * r, 0.3 * h), (n, 0.78 * h), (n, 0.94 * h)],
        [(0.8 * r, 0), (r, 0.2 * h), (0.95 * r, 0.45 * h), (0.5 * r, 0.6 * h), (n, 0.9 * h)],
    ][v]
    top = outline[-1]
    k.lathe([(0, 0), *outline, (0, top[1])])
    k.cylinder(n * 1.18, h - top[1] + 0.6, at=(0, 0, (h + top[1]) / 2), color=k.accent)
    if k.chance(0.45) and v in (0, 1, 3):
        z = k.u(0.25, 0.35) * h
        k.cylinder(r + 0.05, k.u(0.18, 0.3) * h, at=(0, 0, z), color=k.accent, collide=False)


def can(k: Kit, v: int) -> None:
    """Metal can: drink, soup, flat, ribbed, slim, with a pull ring."""
    r, h = [(3.1, 11), (3.5, 9.5), (3.8, 5.0), (3.4, 10), (2.6, 13), (3.3, 7.5)][v]
    r, h = r * k.u(0.9, 1.08), h * k.u(0.9, 1.1)
    neck = 0.86 * r if v in (0, 4) else 0.97 * r
    k.cylinder(r, h - 1.4, at=(0, 0, h / 2))
    for z, sign in ((0.7, -1), (h - 0.7, 1)):
        profile = [
            (r, 0),
            (neck, 0.55),
            (neck, 0.7),
            (0.9 * neck, 0.7),
            (0.86 * neck, 0.4),
            (0, 0.4),
        ]
        k.lathe(profile, at=(0, 0, z), rpy=(0 if sign > 0 else 180, 0, 0), color=STEEL)
    if v in (0, 4, 5):
        k.tube(arc(0.55, 0, 360, 13, "xy") * [1.4, 1, 1], 0.12, at=(0.5, 0, h - 0.15), color=STEEL)
    if v in (1, 3):
        for z in np.linspace(0.3, 0.7, 4):
            k.tube(arc(r, 0, 360, 21, "xy"), 0.12, at=(0, 0, z * h))
    elif k.chance(0.6):
        k.cylinder(
            r + 0.03,
            k.u(0.12, 0.3) * h,
            at=(0, 0, k.u(0.35, 0.65) * h),
            color=k.accent,
            collide=False,
        )


def jar(k: Kit, v: int) -> None:
    """Short wide vessel with a big lid."""
    r, h = k.u(3.0, 3.8), k.u(7.5, 10.5)
    body = 0.8 * h
    outline = [
        [(r, 0), (r, 0.8 * body), (0.85 * r, body)],
        [(0.9 * r, 0), (r, 0.3 * body), (0.97 * r, 0.75 * body), (0.8 * r, body)],
        [(0.75 * r, 0), (r, 0.4 * body), (r, 0.6 * body), (0.75 * r, body)],
        [(r, 0), (r, body)],
        [(0.85 * r, 0), (r, 0.85 * body), (0.9 * r, body)],
        [(r, 0), (0.93 * r, 0.45 * body), (r, 0.85 * body), (0.8 * r, body)],
    ][v]
    k.lathe([(0, 0), *outline, (0, body)])
    lid = outline[-1][0] * 1.06
    color = WOOD if k.chance(0.3) else k.accent
    if v == 2:
        k.lathe([(0, body), (lid, body), (0.8 * lid, body + 1.2), (0, body + 1.6)], color=color)
        k.ball(0.7, at=(0, 0, body + 2.1), color=color)
    else:
        k.cylinder(lid, h - body, at=(0, 0, (h + body) / 2), color=color)
    if k.chance(0.4) and v in (0, 3):
        k.cylinder(r + 0.04, 0.35 * body, at=(0, 0, 0.42 * body), color=CREAM, collide=False)


def vase(k: Kit, v: int) -> None:
    """Open, tall, with a flowing outline."""
    r, h = k.u(2.8, 3.8), k.u(11, 17)
    outline = [
        [(0.5, 0), (0.8, 0.15), (1.0, 0.38), (0.75, 0.65), (0.4, 0.85), (0.6, 1)],
        [(0.6, 0), (0.5, 0.1), (0.75, 0.3), (1.0, 0.6), (0.8, 0.8), (0.45, 0.9), (0.55, 1)],
        [(0.7, 0), (0.95, 0.2), (0.9, 0.45), (0.35, 0.65), (0.3, 0.85), (0.5, 1)],
        [(0.45, 0), (0.5, 0.4), (0.7, 0.75), (1.0, 1)],
        [(0.4, 0), (0.35, 0.08), (0.85, 0.25), (1.0, 0.45), (0.6, 0.75), (0.45, 0.88), (0.75, 1)],
        [(0.75, 0), (0.5, 0.25), (0.55, 0.5), (0.95, 0.75), (0.6, 0.92), (0.8, 1)],
    ][v]
    scaled = np.array(outline) * [r, h]
    grid = np.linspace(0, 1, 3 * len(scaled))
    knots = np.linspace(0, 1, len(scaled))
    smooth = np.column_stack([np.interp(grid, knots, scaled[:, i]) for i in range(2)])
    k.lathe(_wall([tuple(p) for p in smooth], 0.3))
    if k.chance(0.3):
        i = len(smooth) // 2
        k.tube(arc(smooth[i, 0], 0, 360, 21, "xy"), 0.25, at=(0, 0, smooth[i, 1]), color=k.accent)


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
    k.lathe(_wall(outline, 0.35))
    if k.chance(0.45):
        k.tube(
            arc(outline[-1][0] - 0.15, 0, 360, 25, "xy"), 0.2, at=(0, 0, h - 0.1), color=k.accent
        )


def candle(k: Kit, v: int) -> None:
    """Wax with a wick: pillar, taper in a holder, tea light, twisted, stepped, ball."""
    r, h = k.u(2.0, 3.0), k.u(5.5, 10)
    if v == 0:
        k.cylinder(r, h, at=(0, 0, h / 2))
    elif v == 1:
        h, foot = k.u(9, 14), k.u(2.6, 3.4)
        k.lathe([(0, 0), (foot, 0), (foot, 0.5), (1.3, 0.9), (1.3, 2.2), (0, 2.2)], color=k.accent)
        k.lathe([(0, 1), (1.1, 1), (0.75, h), (0, h + 0.2)])
    elif v == 2:
        r, h = k.u(2.4, 3.2), k.u(2.2, 3.2)
        k.lathe(
            [(0, 0), (r, 0), (r, h), (r - 0.2, h), (r - 0.2, h - 0.5), (0, h - 0.5)], color=STEEL
        )
        h -= 0.2
        k.cylinder(r - 0.2, h - 0.2, at=(0, 0, (h + 0.1) / 2))
    elif v == 3:
        k.cylinder(0.8 * r, h, at=(0, 0, h / 2))
        t = np.linspace(0, 1, 40)
        for phase in (0, np.pi):
            spiral = np.column_stack([np.cos(9 * t + phase), np.sin(9 * t + phase), t])
            k.tube(spiral * [0.75 * r, 0.75 * r, h], 0.3 * r)
    elif v == 4:
        k.lathe(
            [
                (0, 0),
                (1.25 * r, 0),
                (1.25 * r, 0.3 * h),
                (r, 0.33 * h),
                (r, 0.66 * h),
                (0.75 * r, 0.7 * h),
                (0.75 * r, h),
                (0, h),
            ]
        )
    else:
        r = k.u(2.6, 3.4)
        h = 1.9 * r
        k.lathe(
            [
                (0, 0),
                (0.6 * r, 0),
                *[(r * np.cos(a), r + r * np.sin(a)) for a in np.linspace(-0.9, 1.2, 9)],
                (0, h),
            ]
        )
    k.cylinder(0.12, 1.0, at=(0, 0, h + 0.4), color=INK, collide=False)
    if k.chance(0.3):
        k.ellipsoid((0.6, 0.6, 1.5), at=(0, 0, h + 1.4), color=(1.0, 0.75, 0.2), collide=False)
