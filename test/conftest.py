"""A toy world for the tests of memory and query, coloured boxes on a table and a colour model; a
ROS domain for the tests of nodes.
"""

import fcntl
import os
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from m3_ros.capture.frame import RgbdFrame
from m3_ros.features.extractor import FeatureMap
from m3_ros.geometry import look_at
from m3_ros.memory.feature_store import FeatureStore
from m3_ros.memory.memory_data import ModelMemory
from m3_ros.memory.psc import MemoryBank
from m3_ros.memory.queries import View, lift_queries, principal_directions
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.splat import Gaussians
from m3_ros.splat.gaussians import SH_C0

COLORS = {
    "grey": (0.5, 0.5, 0.5),
    "red": (0.9, 0.1, 0.1),
    "green": (0.1, 0.8, 0.1),
    "blue": (0.1, 0.1, 0.9),
    "yellow": (0.9, 0.9, 0.1),
}
KINDS = {"box": [1, 2, 3, 4], "pair": [1, 3]}
"""Words that name no colour, and the colours of the things that they may mean."""
TABLE_Z = 0.5
BOX = 0.06
PLACES = {"red": (0.0, -0.15), "green": (0.12, 0.1), "blue": (-0.12, 0.12), "yellow": (0.1, -0.05)}
SIZE = (160, 120)
K = np.array([[130.0, 0.0, 80.0], [0.0, 130.0, 60.0], [0.0, 0.0, 1.0]])


class ColorModel:
    """Names the colour of every 2 x 2 cell; a text means the colours it names."""

    name, dim, degrees, threshold, digest = "color", 24, 8, 0.9, "none"
    logit_scale = 30.0

    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self._rows = torch.linalg.qr(torch.randn(24, 24, generator=generator))[0]

    def extract(self, rgb):
        height, width = rgb.shape[0] // 2, rgb.shape[1] // 2
        cells = rgb[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3).mean((1, 3)) / 255
        distance = np.linalg.norm(cells[..., None, :] - np.array(list(COLORS.values())), axis=-1)
        share = torch.softmax(torch.from_numpy(-60 * distance), -1).float()
        features = torch.nn.functional.normalize(share @ self._rows[: len(COLORS)], dim=-1)
        return FeatureMap(features.numpy(), cells.max(-1) > 0.3)

    def encode_text(self, texts):
        words = [text.lower().split() for text in texts]
        rows = [[list(COLORS).index(w) for w in line if w in COLORS] for line in words]
        rows = [
            row or next((KINDS[w] for w in line if w in KINDS), [20])
            for row, line in zip(rows, words, strict=True)
        ]
        means = torch.stack([self._rows[row].mean(0) for row in rows])
        return torch.nn.functional.normalize(means, dim=-1).numpy()

    def encode_image(self, rgb):
        color = rgb.reshape(-1, 3).mean(0) / 255
        near = min(COLORS, key=lambda name: np.linalg.norm(color - COLORS[name]))
        return self.encode_text([near])[0]

    def in_vocabulary(self, prompt):
        return "gizmo" not in prompt

    def vocabulary(self):
        return ["umbrella", "box"]

    def negatives(self, prompt):
        others = ("grey", "umbrella") if prompt in KINDS else (*COLORS, "umbrella")
        return [name for name in others if name not in prompt]


def surface(colored_points):
    """Small opaque round Gaussians at the points."""
    means = torch.from_numpy(np.concatenate([points for points, _ in colored_points])).float()
    colors = np.concatenate([np.tile(COLORS[c], (len(p), 1)) for p, c in colored_points])
    n = len(means)
    return Gaussians(
        means,
        torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(n, 1),
        torch.full((n, 3), float(np.log(0.006))),
        torch.full((n,), 4.0),
        torch.from_numpy((colors - 0.5) / SH_C0).float()[:, None],
        torch.zeros(n, 0, 3),
    )


def box_points(center, side, spacing=0.008):
    """Points on the surface of a cube that stands on the table, without its bottom."""
    steps = np.arange(-side / 2, side / 2 + 1e-9, spacing)
    u, v = (grid.ravel() for grid in np.meshgrid(steps, steps))
    half = np.full_like(u, side / 2)
    faces = [(u, v, half), (half, u, v), (-half, u, v), (u, half, v), (u, -half, v)]
    points = np.concatenate([np.stack(face, -1) for face in faces])
    return points + [*center, TABLE_Z + side / 2]


def make_gaussians(places, others=()):
    x, y = np.meshgrid(np.arange(-0.4, 0.4, 0.01), np.arange(-0.4, 0.4, 0.01))
    table = np.stack([x.ravel(), y.ravel(), np.full(x.size, TABLE_Z)], -1)
    parts = [(table, "grey")]
    parts += [(box_points(place, BOX), color) for color, place in places.items()]
    return surface([*parts, *others])


def see(gaussians, eye, target=(0.0, 0.0, TABLE_Z), stamp=0.0):
    """The frame of a camera at `eye`, rendered."""
    camtoworld = look_at(eye, target)
    viewmat, intrinsics = View(camtoworld, K, *SIZE).at(*SIZE)
    renders, alphas, _ = gaussians.render(viewmat[None], intrinsics[None], *SIZE)
    rgb = (renders[0, ..., :3].clamp(0, 1) * 255).round().byte().numpy()
    depth = torch.where(alphas[0, ..., 0] > 0.8, renders[0, ..., 3], 0.0).numpy()
    return RgbdFrame(rgb, depth, K, camtoworld, stamp)


def ring(count=10, radius=0.45, height=0.95):
    """Eyes on a circle about the table's centre."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return [(radius * np.cos(a), radius * np.sin(a), height) for a in angles]


@dataclass(frozen=True)
class Toy:
    """The toy world: true Gaussians, frames on a ring, colour model, and how to see it changed."""

    gaussians: Gaussians
    frames: list
    model: ColorModel
    places: dict
    table_z: float = TABLE_Z
    box: float = BOX

    def see(self, eye, places=None, target=(0.0, 0.0, TABLE_Z)):
        """A frame from `eye`, with other places of the boxes if given."""
        return see(self.gaussians if places is None else make_gaussians(places), eye, target)

    def remember(self, places, others=()):
        """The memory of a world with the boxes at other places, and other coloured points."""
        gaussians = make_gaussians(places, others)
        frames = [see(gaussians, eye) for eye in ring()]
        return lifted(gaussians, self.model, views_of(frames), store_of(self.model, frames))


@pytest.fixture(scope="session")
def toy():
    gaussians = make_gaussians(PLACES)
    frames = [see(gaussians, eye, stamp=float(i)) for i, eye in enumerate(ring())]
    return Toy(gaussians, frames, ColorModel(), PLACES)


def store_of(model, frames):
    store = FeatureStore()
    for frame in frames:
        result = model.extract(frame.rgb)
        store.append(result.features, result.valid)
    return store


def lifted(gaussians, model, views, store):
    """A memory of given Gaussians, lifted, not refined."""
    bank = MemoryBank(24, model.threshold)
    for index in range(len(store)):
        features, valid = store.read_unit(index)
        bank.add(features[valid], index, torch.nonzero(valid))
    projection = principal_directions(bank.components, model.degrees)
    start = lift_queries(gaussians, views, store, projection)
    kept = ModelMemory(start.queries, start.projection, start.reliability, bank, model.digest)
    return SpatialMemory(gaussians, {"color": kept}, views, psnr_db=30.0)


def views_of(frames):
    return tuple(View.of(frame, frame.camtoworld) for frame in frames)


@pytest.fixture(scope="session")
def toy_store(toy):
    return store_of(toy.model, toy.frames)


@pytest.fixture(scope="session")
def toy_views(toy):
    return views_of(toy.frames)


@pytest.fixture(scope="session")
def toy_memory(toy, toy_store, toy_views):
    """A memory of the true Gaussians, lifted, not refined."""
    return lifted(toy.gaussians, toy.model, toy_views, toy_store)


DOMAINS = set(range(1, 102))  # have safe ports everywhere
_used_domains = set()


@pytest.fixture(scope="module")
def own_domain():
    """Take a ROS domain that no other test run of this machine and no other module has.

    Participants of processes that a test has killed stay listed until their leases end.
    """
    free = sorted(DOMAINS - _used_domains)
    for domain in random.SystemRandom().sample(free, len(free)):
        with (Path(tempfile.gettempdir()) / f"m3_ros_domain_{domain}.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            _used_domains.add(domain)
            os.environ["ROS_DOMAIN_ID"] = str(domain)
            os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
            yield domain
            return
    raise RuntimeError("all ROS domains from 1 to 101 are taken by test runs")
