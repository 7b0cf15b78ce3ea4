"""Lights: torches and bulbs."""

import numpy as np

from m3_ros.sim.objects.builder import GLOW, INK, STEEL, ObjectBuilder
from m3_ros.sim.objects.meshes import arc, lobed


def _angled_torch(k: ObjectBuilder, r: float, length: float) -> None:
    """A standing grip with a clip, its lens looking sideways."""
    tall = 0.75 * length
    k.cylinder(r, tall, at=(0, 0, tall / 2))
    k.box((0.2, 0.8, 0.5 * tall), at=(-1.1 * r, 0, 0.55 * tall), color=STEEL)
    _side_lens(k, 1.1 * r, 1.6 * r, tall)


def _hand_lamp(k: ObjectBuilder, r: float, length: float) -> None:
    """A box with a bow on top and a wide lens before it."""
    head = 1.9 * r
    k.rounded((0.5 * length, 1.7 * head, 2 * head), 0.35, at=(-0.2 * length, 0, head))
    loop = np.array([[-0.38, 0, 1.8], [-0.36, 0, 2.7], [-0.05, 0, 2.7], [0, 0, 1.8]])
    k.tube(loop * [length, 1, head], 0.45, collide=True)
    _side_lens(k, head, 0.18 * length, head)


def _side_lens(k: ObjectBuilder, head: float, lens: float, z: float) -> None:
    """Reflector along x that reaches as far as `lens`, its glass and rim."""
    k.lathe([(0, 0), (0.8 * head, 0), (head, lens), (0, lens)], at=(0, 0, z), rpy=(0, 90, 0))
    face = {"at": (lens, 0, z), "rpy": (0, 90, 0)}
    k.cylinder(0.85 * head, 0.3, color=GLOW, collide=False, **face)
    k.ring(0.95 * head, 0.2, color=k.accent, **face)


def flashlight(k: ObjectBuilder, v: int) -> None:
    """Torch, lying: grip, head, lens, switch; slim with a clip, angled, hand lamp with a bow."""
    r, length = k.u(1.2, 1.7), k.u(10, 14)
    if v in (7, 8):
        (_angled_torch if v == 7 else _hand_lamp)(k, r, length)
        return
    r *= 0.75 if v == 6 else 1.0
    head = r * [1.5, 1.8, 1.35, 1.6, 2.0, 1.45, 1.15][v]
    start = [0.72, 0.66, 0.78, 0.6, 0.75, 0.7, 0.8][v]
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
    if v == 6:
        k.box((0.15, 0.7, 0.45 * length), at=(1.25 * r, 0, 0.25 * length), color=STEEL)
    k.turn((0, 90, 0))
    if v == 2:
        k.turn((0, -90, 0))


def light_bulb(k: ObjectBuilder, v: int) -> None:
    """Glass in the main colour on a screw base, lying or standing; globe, helix, with a collar."""
    r, h = k.u(2.4, 3.1), k.u(5.5, 7)
    shapes = [
        [(0.42, 0), (0.5, 0.15), (0.95, 0.5), (1, 0.68), (0.75, 0.92), (0, 1)],
        [(0.45, 0), (0.6, 0.1), (1, 0.45), (0.85, 0.8), (0.45, 0.97), (0, 1)],
        [(0.4, 0), (0.4, 0.25), (0.9, 0.6), (1, 0.75), (0.7, 0.95), (0, 1)],
        [(0.5, 0), (0.75, 0.3), (0.6, 0.65), (0.25, 0.9), (0, 1)],
        [(0.45, 0), (0.5, 0.1), (0.95, 0.85), (0.95, 0.95), (0, 1)],
        [(0.4, 0), (0.55, 0.3), (0.95, 0.55), (1, 0.75), (0.6, 0.96), (0, 1)],
        [(0.35, 0), *((1.2 * np.sin(t), 0.5 - 0.5 * np.cos(t)) for t in np.linspace(0.4, 3, 9))],
        [(0.5, 0), (0.6, 0.05), (0.6, 0.18), (0, 0.2)],
        [(0.45, 0), (0.6, 0.15), (0.72, 0.28), (0.98, 0.4), (1, 0.65), (0.7, 0.92), (0, 1)],
    ]
    k.lathe(np.array([(0, 0), *shapes[v]]) * [r, h])
    if v == 7:
        t = np.linspace(0, 7 * np.pi, 60)
        helix = np.column_stack([np.cos(t), np.sin(t), t / t[-1]]) * [0.65 * r, 0.65 * r, 0.75 * h]
        k.tube(helix, 0.42, at=(0, 0, 0.2 * h), collide=True)
    elif v == 8:
        collar = np.array(shapes[v][:3]) * [1.02 * r, h]
        k.mesh(lobed(collar, 12, 0.03), color=k.accent, collide=False)
    base = 0.42 * r
    k.cylinder(base, 1.8, at=(0, 0, -0.9), color=STEEL)
    for z in (-0.4, -0.9, -1.4):
        k.tube(arc(base, 0, 360, 15, "xy"), 0.14, at=(0, 0, z), color=STEEL)
    k.ball(0.5 * base, at=(0, 0, -1.9), color=INK, collide=False)
    if v != 2:
        k.turn((0, 90 + np.degrees(np.arctan2(r - base, h)) * 0.8, 0))
