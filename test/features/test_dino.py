"""DINOv2 and DINOv3 through transformers: the full image, aligned, of any size and type."""

import numpy as np
import pytest
import torch
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from m3_ros.errors import UsageError
from m3_ros.features.dino import Dinov2Extractor
from m3_ros.features.loading import load_extractor, load_language_extractor


@pytest.fixture(scope="module")
def extractor(dinov2_folder) -> Dinov2Extractor:
    return Dinov2Extractor(dinov2_folder, patches=8)


@pytest.mark.parametrize(
    ("size", "grid"), [((173, 241), (6, 8)), ((112, 112), (8, 8)), ((500, 60), (8, 1))]
)
def test_the_map_covers_the_image(extractor, make_noise, size, grid):
    found = extractor.extract(make_noise(*size))
    assert found.features.shape == (*grid, 32) and found.valid.all() and extractor.dim == 32


@pytest.mark.parametrize("square", [(0, 28, 0, 30), (58, 86, 90, 120), (145, 173, 211, 241)])
def test_a_bright_square_lands_in_its_cells(extractor, changed_cells, square):
    at, _ = changed_cells(extractor.extract, (173, 241), square)
    assert square[0] <= at[0] < square[1] and square[2] <= at[1] < square[3]


def test_a_batch_is_its_images_one_by_one(extractor, make_noise):
    images = [make_noise(seed=seed) for seed in range(3)]
    for found, image in zip(extractor.extract_batch(images), images, strict=True):
        np.testing.assert_allclose(found.features, extractor.extract(image).features, atol=1e-5)
        np.testing.assert_array_equal(
            extractor.extract(image).features, extractor.extract(image).features
        )


def test_images_of_a_batch_have_one_size(extractor, make_noise):
    with pytest.raises(ValueError, match="one size"):
        extractor.extract_batch([make_noise(), make_noise(100, 100)])


def test_features_are_the_models_last_hidden_state(extractor, dinov2_folder, make_noise):
    import transformers

    model = transformers.Dinov2Model.from_pretrained(dinov2_folder).eval()
    image = make_noise(112, 112)  # 8 x 8 patches of 14: nothing is scaled
    pixels = (image / np.float32(255) - np.float32(IMAGENET_DEFAULT_MEAN)) / np.float32(
        IMAGENET_DEFAULT_STD
    )
    with torch.inference_mode():
        tokens = model(torch.from_numpy(pixels).permute(2, 0, 1)[None]).last_hidden_state
    found = extractor.extract(image).features.reshape(64, 32)
    np.testing.assert_allclose(found, tokens[0, 1:], atol=1e-4)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights(extractor, make_noise, save_tiny, tmp_path, dtype):
    half = Dinov2Extractor(save_tiny["dinov2"](tmp_path / "half", dtype), patches=8)
    assert half._dtype == dtype and half.digest != extractor.digest
    a, b = (e.extract(make_noise()).features.reshape(-1, 32) for e in (half, extractor))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.99


def test_the_grid_is_part_of_the_digest(extractor, dinov2_folder):
    assert Dinov2Extractor(dinov2_folder, patches=8).digest == extractor.digest
    assert Dinov2Extractor(dinov2_folder, patches=9).digest != extractor.digest
    with pytest.raises(ValueError, match="patches = 0"):
        Dinov2Extractor(dinov2_folder, patches=0)


def test_weights_that_are_not_whole_are_refused(dinov2_folder, cut_weights, tmp_path):
    folder = cut_weights(dinov2_folder, tmp_path / "cut", "layernorm")
    with pytest.raises(FileNotFoundError, match="weights of dinov2: .*cut lacks 2 tensors"):
        load_extractor(f"dinov2:{folder}")


def test_it_does_not_answer_texts(dinov2_folder):
    with pytest.raises(
        ValueError, match="'dinov2:.*' does not understand text; .* compact, clip, siglip,"
    ):
        load_language_extractor(f"dinov2:{dinov2_folder}")


def test_dinov3s_features_follow_its_register_tokens(tmp_path, make_noise, changed_cells):
    import transformers

    config = transformers.DINOv3ViTConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        image_size=32, patch_size=8, num_register_tokens=3,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.DINOv3ViTModel(config).eval()
    model.save_pretrained(tmp_path)
    extractor = load_extractor(f"dinov3:{tmp_path}")
    assert (extractor.name, extractor.dim, extractor.degrees) == ("dinov3", 32, 32)
    assert extractor.extract(make_noise(60, 80)).features.shape == (30, 40, 32)
    image = make_noise(240, 320)  # 30 x 40 patches of 8: nothing is scaled
    mean, std = (np.float32(x) for x in (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))
    pixels = torch.from_numpy((image / np.float32(255) - mean) / std).permute(2, 0, 1)[None]
    with torch.inference_mode():
        tokens = model(pixels).last_hidden_state[0, 1 + 3 :]
    found = extractor.extract(image).features.reshape(30 * 40, 32)
    np.testing.assert_allclose(found, tokens, atol=1e-4)
    at, _ = changed_cells(extractor.extract, (240, 320), (16, 24, 40, 48))
    assert 16 <= at[0] < 24 and 40 <= at[1] < 48


def test_weights_of_another_model_are_refused_by_its_type(dinov2_folder, tmp_path):
    with pytest.raises(UsageError, match="has model_type 'dinov2'; it must be dinov3_vit"):
        load_extractor(f"dinov3:{dinov2_folder}")
    with pytest.raises(FileNotFoundError, match="weights of dinov3: .*config.json does not say"):
        load_extractor(f"dinov3:{tmp_path}")
