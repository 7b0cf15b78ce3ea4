"""Train the compact encoder: render, train, export, evaluate.

    python tools/train_compact_encoder.py --output build/compact

writes `open_clip_config.json`, `open_clip_model.safetensors` and `figures.json` to the output
folder, and keeps the rendered pictures and a checkpoint there. Everything follows from the seed.
`--start FOLDER` trains on from exported weights, with another seed on other pictures; with
`--steps 0` the text tower alone.
"""

import json
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import compact_evaluation as evaluation
import compact_portraits as portraits
import compact_scenes as scenes
import compact_text as text
import compact_training as training
import open_clip
import torch
import tyro
from compact_splits import TEST_SEED, TESTS
from safetensors.torch import load_file, save_file
from tqdm import tqdm

import m3_ros.features.compact
from m3_ros.features.compact import (
    CONFIG_FILE,
    CONTEXT_LENGTH,
    IMAGENET_FILE,
    NAMES_FILE,
    VOCABULARY,
    WEIGHTS_FILE,
    WORDS_FILE,
    CompactExtractor,
    CompactTokenizer,
)
from m3_ros.features.compact.images import MEAN, STD
from m3_ros.features.compact.trunk import DIM
from m3_ros.sim.objects import CATEGORIES, COLORS

SHIPPED = Path(m3_ros.features.compact.__file__).parent
SHARD_SIZE = 1000
PORTRAITS_SUFFIX = "-alone"
"""Suffix of the test splits' pictures of one object each."""


@dataclass
class Options:
    """What to train and for how long."""

    output: Path
    """Folder of everything this writes."""
    images: int = 8000
    """Training pictures to render."""
    test_images: int = 300
    """Pictures of each of the three test sets."""
    steps: int = 11000
    """Steps of the image tower; two free cores take 0.4 s each. 0 keeps `start`'s."""
    text_steps: int = 3000
    """Steps of 128 captions for the text tower."""
    seed: int = 0
    workers: int = 2
    """Processes that render, and that train on a CPU."""
    batch: int = 8
    """Windows a step and worker; five times as many where single objects are shown."""
    device: str = "cpu"
    """cpu or cuda."""
    rate: float = 1e-3
    """Peak learning rate."""
    start: Path | None = None
    """Folder of an exported model to start from, instead of ImageNet's weights."""
    share: float = 1.0
    """Share of what was learnt in the weights that are written; the rest is `start`'s."""
    resume: bool = False
    """Go on from the checkpoint in the output folder."""

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0 or (self.share < 1.0 and self.start is None):
            raise ValueError(f"share = {self.share}: it must be above 0, and 1 without --start")


def model_config() -> dict:
    """Return open_clip's description of the model."""
    return {
        "model_cfg": {
            "embed_dim": DIM,
            "vision_cfg": {
                "timm_model_name": "m3_compact",
                "timm_model_pretrained": False,
                "timm_pool": "",
                "timm_proj": "none",
                "image_size": [288, 384],
            },
            "text_cfg": {
                "context_length": CONTEXT_LENGTH,
                "vocab_size": VOCABULARY,
                "width": 128,
                "heads": 4,
                "layers": 2,
            },
        },
        "preprocess_cfg": {"mean": MEAN, "std": STD, "resize_mode": "squash"},
    }


def render_all(options: Options) -> list[Path]:
    """Render missing data sets; returns the training folders."""
    data = options.output / "pictures"
    shards = -(-options.images // SHARD_SIZE)
    jobs = [
        (data / f"{name}{suffix}", name, options.test_images, TEST_SEED, stage)
        for name in TESTS
        for suffix, stage in (("", scenes.Stage), (PORTRAITS_SUFFIX, portraits.Portrait))
    ]
    jobs += [
        (
            data / f"train-{i}",
            "train",
            min(SHARD_SIZE, options.images - i * SHARD_SIZE),
            options.seed + i,
        )
        for i in range(shards)
    ]
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        submitted = [pool.submit(scenes.render, *arguments) for arguments in jobs]
        for job in tqdm(as_completed(submitted), "data sets", total=len(jobs)):
            job.result()
    return [data / f"train-{i}" for i in range(shards)]


def export(
    encoder: training.Encoder,
    folder: Path,
    text_steps: int,
    seed: int,
    start: Path | None = None,
) -> float:
    """Train the text tower, write config and fp16 weights; returns the captions' mean cosine.

    Args:
        start: folder of an exported model whose text tower to start from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = model_config()
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2) + "\n")
    names = {"categories": list(CATEGORIES), "colors": list(COLORS)}
    (folder / NAMES_FILE).write_text(json.dumps(names, indent=1) + "\n")
    for file in (IMAGENET_FILE, WORDS_FILE):  # `compact_imagenet.py` makes them, once
        (folder / file).write_bytes((SHIPPED / file).read_bytes())
    torch.manual_seed(seed)
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}", load_weights=False)
    model.visual.trunk.load_state_dict(encoder.trunk.state_dict())
    if start is not None:
        words = {
            k: v for k, v in load_file(start / WEIGHTS_FILE).items() if not k.startswith("visual")
        }
        model.load_state_dict(words, strict=False)
    with torch.no_grad():
        category, color, scale = encoder.directions()
        model.logit_scale.fill_(float(torch.log(2 * scale)))
    model.logit_scale.requires_grad_(False)
    model.visual.requires_grad_(False)
    cosine = text.train_text(
        model, CompactTokenizer(), category.detach(), color.detach(), text_steps, seed
    )
    state = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in model.state_dict().items()
    }
    save_file(state, folder / WEIGHTS_FILE)
    return cosine


def blend(folder: Path, start: Path, share: float) -> None:
    """Replace a model's weights by their mean with those it started from, in place.

    Weights between both ends of a fine-tuning tell more apart than either (Wortsman et al. 2022,
    "Robust fine-tuning of zero-shot models").

    Args:
        folder: the exported model.
        start: folder of the exported model that its training started from.
        share: of the former, 0 to 1.
    """
    learnt, before = load_file(folder / WEIGHTS_FILE), load_file(start / WEIGHTS_FILE)
    for name, value in learnt.items():
        if value.is_floating_point():
            mean = share * value.float() + (1.0 - share) * before[name].float()
            learnt[name] = mean.to(value.dtype)
    save_file(learnt, folder / WEIGHTS_FILE)


def image_tower(options: Options, folders: list[Path]) -> training.Encoder:
    """Train the image tower on rendered folders; without steps return that of `start`."""
    if options.steps == 0:
        if options.start is None:
            raise ValueError("without steps there is no image tower: name one with --start")
        encoder = training.Encoder()
        encoder.load_exported(options.start)
        return encoder
    return training.train(
        training.TrainOptions(
            folders,
            options.output,
            options.steps,
            options.seed,
            options.resume,
            options.device,
            options.batch,
            options.workers if options.device == "cpu" else 1,
            options.rate,
            options.start,
        )
    )


def main(options: Options) -> None:
    """Render, train, export, evaluate."""
    options.output.mkdir(parents=True, exist_ok=True)
    encoder = image_tower(options, render_all(options))
    cosine = export(encoder, options.output, options.text_steps, options.seed, options.start)
    if options.share < 1.0:
        blend(options.output, options.start, options.share)
    extractor = CompactExtractor(options.output)
    figures = {"text_cosine": round(cosine, 4)}
    for name in TESTS:
        folder, alone = (
            options.output / "pictures" / f"{name}{end}" for end in ("", PORTRAITS_SUFFIX)
        )
        figures[name] = evaluation.evaluate(extractor, folder, options.test_images)
        figures[name + PORTRAITS_SUFFIX] = portraits.zero_shot(
            extractor, alone, options.test_images
        )
        print(name, figures[name], figures[name + PORTRAITS_SUFFIX], flush=True)
    (options.output / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main(tyro.cli(Options))
