"""Other toys: balls, bricks, dice, stars."""

from dataclasses import replace

import numpy as np

from m3_ros.sim.objects.builder import CREAM, INK, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, extrude, lathe, regular_outline


def ball(k: ObjectBuilder, v: int) -> None:
    """Plain, banded, seamed, dotted, two-coloured, ridged; beach, smiley, rugby."""
    r = k.u(2.3, 3.7)
    if v == 8:
        t = np.linspace(0, np.pi, 17)
        k.lathe(np.column_stack([np.sin(t) ** 1.3, -1.6 * np.cos(t)]) * [0.85 * r, r])
        for side in (-1, 1):
            k.ring(0.6 * r, 0.12 * r, at=(0, 0, side * 1.12 * r), color=k.accent)
        k.box((0.12, 0.2, 1.2 * r), at=(0.85 * r, 0, 0), color=k.accent, collide=False)
        for z in np.linspace(-0.5, 0.5, 5):
            k.box((0.14, 0.9, 0.16), at=(0.85 * r, 0, z * r), color=k.accent, collide=False)
        k.turn((0, 90, 0))
        k.turn((0, 0, k.u(0, 360)))
        return
    k.ball(r)
    if v == 6:
        angle = np.linspace(-1.3, 1.3, 13)
        for yaw in (0, 120, 240):
            wedge = lathe(np.column_stack([np.cos(angle), np.sin(angle)]) * 1.01 * r, segments=36)
            part = (np.arctan2(wedge[0][:, 1], wedge[0][:, 0]) % (2 * np.pi)) < 0.8
            kept = wedge[0], wedge[1][part[wedge[1]].all(axis=1)]
            k.mesh(kept, rpy=(0, 0, yaw), color=k.accent, collide=False)
        for side in (-1, 1):
            k.cylinder(0.3 * r, 0.1, at=(0, 0, side * 0.97 * r), color=k.accent, collide=False)
    elif v == 7:
        dark = INK if np.mean(k.main) > 0.25 else CREAM
        for side in (-1, 1):
            eye = np.array([0.87, side * 0.3, 0.35]) * r
            k.ellipsoid((0.2 * r, 0.2 * r, 0.4 * r), at=eye, color=dark, collide=False)
        lower = np.linspace(-2.6, -0.54, 13)
        y, z = 0.6 * np.cos(lower), 0.05 + 0.55 * np.sin(lower)
        k.tube(np.column_stack([np.sqrt(1 - y**2 - z**2), y, z]) * r, 0.06 * r, color=dark)
        k.turn((0, -45, k.u(0, 360)))
        return
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


def toy_block(k: ObjectBuilder, v: int) -> None:
    """Brick with studs: 2x2, 2x4, 2x3, 1x4, flat, stepped; round, sloped; a letter cube."""
    pitch = k.u(1.7, 2.3)
    if v == 8:
        a = 2.2 * pitch
        k.box((a, a, a))
        for _ in range(3):  # an A on two opposite faces; the turn takes x to y to z
            for side in (-1, 1):
                leg = {"at": (side * 0.12 * a, 0, 0), "rpy": (0, 0, side * 20)}
                k.box((0.12 * a, 0.66 * a, a + 0.06), color=k.accent, collide=False, **leg)
            bar = (0.26 * a, 0.1 * a, a + 0.06)
            k.box(bar, at=(0, -0.1 * a, 0), color=k.accent, collide=False)
            k.turn((90, 0, 90))
        return
    nx, ny, layers = [
        (2, 2, 1.0),
        (4, 2, 1.0),
        (3, 2, 1.0),
        (4, 1, 1.3),
        (4, 2, 0.7),
        (3, 2, 1.0),
        (2, 2, 1.2),
        (1, 3, 1.2),
    ][v]
    h = 1.15 * pitch * layers
    if v == 6:
        k.cylinder(1.05 * pitch, h, at=(0, 0, h / 2))
    else:
        k.box((nx * pitch, ny * pitch, h), at=(0, 0, h / 2))
    if v == 7:
        slope = np.array([[0, 0], [1.7 * pitch, 0], [1.7 * pitch, 0.25 * h], [0, h]])
        k.mesh(extrude(slope, ny * pitch), at=(pitch / 2, ny * pitch / 2, 0), rpy=(90, 0, 0))
    for i in range(nx):
        top = h
        if v == 5 and i == 0:
            k.box((pitch, ny * pitch, h), at=((0.5 - nx / 2) * pitch, 0, 1.5 * h))
            top = 2 * h
        for j in range(ny):
            at = ((i + 0.5 - nx / 2) * pitch, (j + 0.5 - ny / 2) * pitch, top + 0.15 * pitch)
            k.cylinder(0.31 * pitch, 0.35 * pitch, at=at, collide=False)


def dice(k: ObjectBuilder, v: int) -> None:
    """Cube with pips: sharp, rounded, large, small, big pips; very round, square pips, a pair."""
    a = [4.2, 4.0, 5.5, 3.0, 4.6, 4.4, 4.6, 4.3, 2.9][v] * k.u(0.9, 1.1)
    if v in (1, 3, 6):
        k.rounded((a, a, a), 0.22 if v != 6 else 0.4)
    else:
        k.box((a, a, a))
    dot = a * [0.095, 0.095, 0.095, 0.095, 0.13, 0.095, 0.08, 0.085, 0.1][v]
    dark = INK if np.mean(k.main) > 0.45 else CREAM
    g = 0.26 if v != 6 else 0.19
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
            (k.box if v == 7 else k.ellipsoid)(size, at=at, color=dark, collide=False)
    if v == 8:  # the other one turned, so that two faces of each are in view
        first = list(k.parts)
        k.turn((90, 0, 40))
        k.parts = [replace(part, position=part.position + [0.013 * a, 0, 0]) for part in k.parts]
        k.parts += first
    k.turn((0, 0, k.u(0, 360)))


def star(k: ObjectBuilder, v: int) -> None:
    """Flat star: five or six points, sharp, standing, layered; puffed up, knobs, with a face."""
    points = [5, 5, 6, 5, 4, 5, 5, 6, 5][v]
    r, h = k.u(3.2, 4.2), k.u(2.0, 2.8)
    inner = r * [0.45, 0.6, 0.55, 0.38, 0.42, 0.5, 0.48, 0.58, 0.6][v] * k.u(0.95, 1.05)
    outline = regular_outline(points, r, inner)
    if v == 6:
        for roll in (0, 180):
            k.mesh(extrude(outline, 0.6 * h, 0.25), rpy=(roll, 0, 0))
    elif v == 7:
        h *= 1.3
        k.mesh(extrude(outline, 0.6 * h, 0.8))
        for x, y in outline[::2]:
            k.ball(0.14 * r, at=(x, y, 0.14 * r))
        k.ring(0.33 * r, 0.12, at=(0, 0, 0.6 * h), color=k.accent)
    elif v == 8:
        t = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        wave = (0.78 + 0.2 * np.cos(5 * t)) * r
        k.mesh(extrude(np.column_stack([wave * np.cos(t), wave * np.sin(t)]), h, 0.9))
        dark = INK if np.mean(k.main) > 0.25 else CREAM
        for side in (-1, 1):
            k.ellipsoid(
                (0.3 * r, 0.16 * r, 0.3),
                at=(0.15 * r, side * 0.2 * r, h),
                color=dark,
                collide=False,
            )
        k.tube(arc(0.25 * r, 110, 250, 9, "xy") + [0, 0, h], 0.12, color=dark)
    elif v == 5:
        k.mesh(extrude(outline, 0.5 * h, 1.0))
        k.mesh(extrude(0.7 * outline, 0.6 * h, 0.6), at=(0, 0, 0.5 * h), color=None)
    else:
        k.mesh(extrude(outline, h, [1.0, 0.85, 0.9, 0.7, 0.8, 1.0][v]))
    if v == 3 or k.chance(0.2):  # standing on two points
        k.turn((90, 0, 0))
        k.turn((0, 54, 0))
