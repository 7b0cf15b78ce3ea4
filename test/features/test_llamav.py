"""Llama 3.2 Vision's image tower: tiles stitched to one aligned map."""

import numpy as np
import pytest
import torch

from m3_ros.features.llamav import best_arrangement
from m3_ros.features.loading import load_extractor

ARRANGEMENTS = [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2), (3, 1), (4, 1)]


@pytest.fixture(scope="module")
def extractor(llamav_folder):
    return load_extractor(f"llamav:{llamav_folder}")


@pytest.mark.parametrize(
    ("size", "grid"), [((173, 241), (6, 8)), ((40, 40), (4, 4)), ((60, 200), (4, 13))]
)
def test_the_map_covers_the_image(extractor, make_noise, size, grid):
    found = extractor.extract(make_noise(*size))
    assert found.features.shape == (*grid, 24) and extractor.dim == 24 and found.valid.all()
    assert np.isfinite(found.features).all()


@pytest.mark.parametrize("square", [(20, 40, 30, 50), (120, 140, 30, 50), (110, 135, 190, 220)])
def test_a_bright_square_changes_the_cells_it_covers_most(extractor, changed_cells, square):
    at, _ = changed_cells(extractor.extract, (173, 241), square)
    assert abs(at[0] - np.mean(square[:2])) < 173 / 6
    assert abs(at[1] - np.mean(square[2:])) < 241 / 8


def test_a_batch_is_its_images_one_by_one(extractor, make_noise):
    images = [make_noise(seed=seed) for seed in range(2)]
    for found, image in zip(extractor.extract_batch(images), images, strict=True):
        np.testing.assert_allclose(found.features, extractor.extract(image).features, atol=1e-5)


def test_stitching_undoes_cutting(extractor, make_noise):
    from m3_ros.features.patches import resize

    image = make_noise(60, 80)
    cut = extractor._tiles(image, (2, 2), (6, 8))[:4]
    canvas = torch.stack([torch.cat([*row], 2) for row in (cut[:2], cut[2:])])
    whole = torch.cat([*canvas], 1)[:, : 6 * 14, : 8 * 14]
    mean, std = torch.tensor([0.4815, 0.4578, 0.4082]), torch.tensor([0.2686, 0.2613, 0.2758])
    pixels = whole * std[:, None, None] + mean[:, None, None]
    torch.testing.assert_close(pixels, resize(image, (84, 112), "bilinear"), atol=1e-3, rtol=1e-3)
    numbers = torch.arange(4 * 16).reshape(1, 4, 16, 1).expand(1, 4, 16, 24)
    stitched = extractor._stitch(numbers, (2, 2))[0, ..., 0]
    assert stitched[0].tolist() == [0, 1, 2, 3, 16, 17, 18, 19]
    assert stitched[4].tolist() == [32, 33, 34, 35, 48, 49, 50, 51]


@pytest.mark.parametrize("size", [(173, 241), (480, 640), (900, 3000), (50, 40), (700, 200)])
def test_tiles_are_arranged_as_the_model_was_trained(size):
    from transformers.models.mllama import image_processing_pil_mllama as theirs

    canvas = theirs.get_optimal_tiled_canvas(*size, max_image_tiles=4, tile_size=560)
    tiles = best_arrangement(size, 560, ARRANGEMENTS)
    assert tuple(int(side) // 560 for side in canvas) == tiles


def test_the_features_are_the_whole_models_own(extractor, llamav_folder, make_noise):
    import transformers

    model = transformers.MllamaForConditionalGeneration.from_pretrained(llamav_folder).eval()
    image = make_noise(112, 112)
    processor = transformers.models.mllama.image_processing_pil_mllama.MllamaImageProcessorPil(
        size={"height": 56, "width": 56},
        image_mean=[0.48145466, 0.4578275, 0.40821073],
        image_std=[0.26862954, 0.26130258, 0.27577711],
    )
    inputs = processor(image, return_tensors="pt")
    inputs.pop("num_tiles", None)
    with torch.inference_mode():
        states = model.model.vision_model(**inputs).last_hidden_state
        expected = model.model.multi_modal_projector(states)[0, 0, :, 1:]
    first = extractor.extract(image).features[:4, :4].reshape(16, 24)
    np.testing.assert_allclose(first, expected[0], atol=2e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights(extractor, make_noise, save_tiny, tmp_path, dtype):
    half = load_extractor("llamav", save_tiny["llamav"](tmp_path / "half", dtype))
    assert half._tower.dtype == dtype
    a, b = (e.extract(make_noise()).features.reshape(-1, 24) for e in (half, extractor))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.98


def test_a_missing_projector_is_named(llamav_folder, cut_weights, tmp_path):
    folder = cut_weights(llamav_folder, tmp_path / "cut", "multi_modal_projector")
    with pytest.raises(FileNotFoundError, match="multi_modal_projector is not in .*cut"):
        load_extractor("llamav", folder)


def test_missing_weights_of_the_tower_are_named(llamav_folder, cut_weights, tmp_path):
    folder = cut_weights(llamav_folder, tmp_path / "cut", "vision_model.class_embedding")
    with pytest.raises(FileNotFoundError, match="lacks 1 tensors such as class_embedding"):
        load_extractor("llamav", folder)
