"""SEEM as a dense extractor: embeddings of the regions that a grid of dots prompts.

Segment Everything Everywhere All at Once (Zou et al., NeurIPS 2023), through its authors' own
code, which is no package: a checkout of its v1.0 branch on PYTHONPATH. As in M3's release, dots
every 60 px prompt the decoder ten at a time, and a region's feature is its embedding in the space
of SEEM's language encoder. Masks are chosen without class names, by their own confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from m3_ros.errors import UnavailableError
from m3_ros.features.extractor import FeatureMap, check_image
from m3_ros.features.model_cards import MODELS
from m3_ros.features.patches import patch_grid, resize
from m3_ros.features.regions import best_masks, paint, region_cells
from m3_ros.features.weights import missing, weights_digest
from m3_ros.files import user_path
from m3_ros.types import Image

REPOSITORY = "https://github.com/UX-Decoder/Segment-Everything-Everywhere-All-At-Once"
CONFIG_PATH = "configs/seem/focall_unicl_lang_v1.yaml"
SHORTEST, LONGEST = 640, 1333
"""Pixels of the scaled image's shorter side, and at most of its longer one, as evaluated there."""
DOT_BATCH = 10
"""Dots that go through the decoder at once, as in M3's release."""
SAMPLING_SEED = 0
"""Seed of the points that the decoder samples of its prompts: features are repeatable."""


class SeemExtractor:
    """Features of prompted regions.

    Args:
        weights: a SEEM v1 Focal-L checkpoint, seem_focall_v1.pt; None looks in the Hugging Face
            cache.
        device: torch device.
        cells: cells along an image's longer side.
        spacing: pixels between dots of the scaled image.
        radius: of a dot, px.
        repeat: regions of a larger IoU with a better one are dropped.

    Raises:
        FileNotFoundError: the checkpoint is missing.
        RuntimeError: SEEM's own code is missing.
    """

    def __init__(
        self,
        weights: str | Path | None = None,
        device: str = "cpu",
        cells: int = 80,
        spacing: int = 60,
        radius: int = 12,
        repeat: float = 0.7,
    ) -> None:
        card = MODELS["seem"]
        checkpoint = _find_checkpoint(weights)
        self._model = load_seem(checkpoint, device).eval()
        self._device = torch.device(device)
        self.name, self.degrees, self.threshold = card.name, card.degrees, card.threshold
        self._cells, self._spacing, self._radius = cells, spacing, radius
        self._repeat = repeat
        self.dim = int(self._model.sem_seg_head.predictor.class_embed.shape[1])
        settings = f"{cells} {spacing} {radius} {repeat}"
        self.digest = weights_digest([self._model], settings)

    @torch.inference_mode()
    def extract(self, rgb: Image) -> FeatureMap:
        """Return features of an image `[H, W, 3]`, one a region; not valid outside regions."""
        check_image(rgb)
        pixels, (height, width) = self._pixels(rgb)
        levels = self._model.backbone(pixels)
        decoder = self._model.sem_seg_head.pixel_decoder
        mask_features, _, scales = decoder.forward_features(levels)
        found = [
            self._regions(scales, mask_features, discs(part, pixels.shape[2:], self._radius))
            for part in grid_points((height, width), self._spacing).split(DOT_BATCH)
        ]
        logits, rows = (torch.cat(part) for part in zip(*found, strict=True))
        step = pixels.shape[2] // logits.shape[1]
        seen = logits[:, : -(-height // step), : -(-width // step)]
        inside = seen > 0
        confidence = (seen.sigmoid() * inside).sum((1, 2)) / inside.sum((1, 2)).clamp_min(1)
        kept = best_masks(inside, confidence, self._repeat)
        full = F.interpolate(logits[kept, None], size=tuple(pixels.shape[2:]), mode="bilinear")
        masks = (full[:, 0, :height, :width] > 0).cpu().numpy()
        regions = paint(masks, (height, width))
        index = region_cells(regions, patch_grid(rgb.shape[:2], self._cells))
        return FeatureMap.of_rows(rows[kept].float().cpu().numpy(), index)

    def extract_batch(self, images: Sequence[Image]) -> list[FeatureMap]:
        """Return features of images; the dots of each are batches."""
        return [self.extract(image) for image in images]

    def _pixels(self, rgb: Image) -> tuple[Tensor, tuple[int, int]]:
        """Return the image as padded input `[1, 3, h', w']`, and its size before padding."""
        scale = min(SHORTEST / min(rgb.shape[:2]), LONGEST / max(rgb.shape[:2]))
        height, width = (round(side * scale) for side in rgb.shape[:2])
        pixels = 255 * resize(rgb, (height, width), "bilinear").to(self._device)
        pixels = (pixels - self._model.pixel_mean) / self._model.pixel_std
        step = self._model.size_divisibility
        return F.pad(pixels, (0, -width % step, 0, -height % step))[None], (height, width)

    def _regions(
        self, scales: list[Tensor], mask_features: Tensor, dots: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return mask logits `[n, h', w']` and embeddings `[n, d]` for dots `[n, h, w]`."""
        dots = dots.to(self._device)
        prompts = {
            "spatial_query_pos_mask": [dots],
            "spatial_query_neg_mask": [torch.zeros_like(dots)],
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SAMPLING_SEED)
            results = self._model.sem_seg_head.predictor(
                scales, mask_features, extra=prompts, task="seg"
            )
        best = own_query(results["pred_smaskembs"][0], results["pred_pspatials"][0])
        return results["pred_smasks"][0, best].float(), results["pred_stexts"][0, best]


def own_query(queries: Tensor, prompts: Tensor) -> Tensor:
    """Return for each prompt `[n, c]` the index of its most similar query.

    Args:
        queries: mask embeddings `[n * k, c]`; the first k belong to the first prompt.
        prompts: what the dots themselves look like.
    """
    share = len(queries) // len(prompts)
    own = torch.einsum("nkc,nc->nk", queries.reshape(len(prompts), share, -1), prompts)
    return own.argmax(1) + share * torch.arange(len(prompts), device=own.device)


def grid_points(size: tuple[int, int], spacing: int) -> Tensor:
    """Return centres `[n, 2]` (row, column; px) of a grid of about `spacing` px."""
    fields = [max(1, side // spacing) for side in size]
    rows, columns = (
        (torch.arange(number) + 0.5) * side / number
        for side, number in zip(size, fields, strict=True)
    )
    return torch.cartesian_prod(rows, columns)


def discs(centres: Tensor, size: Sequence[int], radius: float) -> Tensor:
    """Return filled circles `[n, h, w]` (bool) about centres `[n, 2]` (row, column; px)."""
    y, x = (torch.arange(side) + 0.5 for side in size)
    dy, dx = y - centres[:, :1], x - centres[:, 1:]
    return dy[:, :, None] ** 2 + dx[:, None] ** 2 <= radius**2


def load_seem(checkpoint: Path, device: str) -> nn.Module:
    """Load SEEM's network with the weights of a checkpoint.

    Raises:
        RuntimeError: its code cannot be imported.
        FileNotFoundError: the checkpoint is none of this architecture.
    """
    try:
        modeling, base = import_module("modeling"), import_module("modeling.BaseModel")
        arguments = import_module("utils.arguments")
    except ImportError as error:
        raise UnavailableError(
            f"model 'seem' needs its authors' code ({error}): `git clone -b v1.0 {REPOSITORY}`, "
            "install what its assets/requirements name (detectron2 among them), and put the "
            "checkout on PYTHONPATH"
        ) from error
    root = Path(modeling.__file__).resolve().parents[1]
    options = arguments.load_opt_from_config_files([str(root / CONFIG_PATH)])
    cuda = torch.device(device).type == "cuda"
    options |= {"device": torch.device(device), "CUDA": cuda, "rank": 0, "world_size": 1}
    model = base.BaseModel(options, modeling.build_model(options)).model
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    result = model.load_state_dict(state, strict=False)
    lacking = [k for k in result.missing_keys if k.startswith(("backbone.", "sem_seg_head."))]
    if lacking:
        what = f"{checkpoint} lacks {len(lacking)} tensors such as {lacking[0]}"
        raise missing(MODELS["seem"], what)
    # The decoder compares its queries with class names, which nothing here reads.
    language = model.sem_seg_head.predictor.lang_encoder
    width = model.sem_seg_head.predictor.class_embed.shape[1]
    language.default_text_embeddings = torch.zeros(1, width, device=device)
    return model.to(device)


def _find_checkpoint(weights: str | Path | None) -> Path:
    card = MODELS["seem"]
    if weights is None:
        folder = card.snapshot(card.repositories[0])
        if folder is None:
            raise missing(card, f"{card.files[0]} is not in this machine's Hugging Face cache")
        return folder / card.files[0]
    path = user_path(weights)
    if not path.is_file():
        raise missing(card, f"{str(weights)!r} is no file")
    return path
