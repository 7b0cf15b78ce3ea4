"""CLIP through open_clip: a tiny model saved as a checkpoint, read back by the real path."""

import json

import numpy as np
import open_clip
import pytest
import torch

from m3_ros.features.clip import ClipExtractor, _interpolate_positions, _value_path
from m3_ros.features.extractor import load_extractor

TINY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 32,
        "heads": 2,
        "layers": 1,
    },
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> str:
    """Register a tiny ViT with open_clip and save a random one as open_clip checkpoints are."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "ViT-tiny-test.json").write_text(json.dumps(TINY))
    convolutional = TINY | {"vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8}}
    (folder / "RN-tiny-test.json").write_text(json.dumps(convolutional))
    open_clip.add_model_config(folder)
    torch.manual_seed(1)
    for name in ("ViT-tiny-test", "RN-tiny-test"):
        model = open_clip.create_model(name)
        torch.save({"state_dict": model.state_dict()}, folder / f"{name}.pt")
    return str(folder / "ViT-tiny-test.pt")


@pytest.fixture(scope="module")
def extractor(checkpoint) -> ClipExtractor:
    return ClipExtractor("ViT-tiny-test", checkpoint, patches=8)


def image(height: int = 48, width: int = 64) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_loads_by_the_command_lines_name(checkpoint, extractor) -> None:
    loaded = load_extractor(f"ViT-tiny-test:{checkpoint}")
    assert loaded.digest == extractor.digest and loaded.dim == 32


@pytest.mark.parametrize(
    ("size", "grid"), [((48, 64), (6, 8)), ((33, 64), (4, 8)), ((90, 31), (8, 3))]
)
def test_the_map_covers_the_image_in_unit_rows(extractor, size, grid) -> None:
    found = extractor.extract(image(*size))
    assert found.features.shape == (*grid, 32)
    np.testing.assert_allclose(np.linalg.norm(found.features, axis=-1), 1, atol=1e-5)


def test_the_value_path_is_attention_to_oneself(extractor) -> None:
    attention = extractor._model.visual.transformer.resblocks[-1].attn
    tokens = torch.randn(1, 5, 32)
    alone = torch.full((5, 5), float("-inf")).fill_diagonal_(0)
    with torch.inference_mode():
        expected = attention(tokens, tokens, tokens, attn_mask=alone, need_weights=False)[0]
        torch.testing.assert_close(_value_path(attention, tokens), expected, atol=1e-5, rtol=1e-4)


def test_positions_are_the_models_own_on_its_own_grid(extractor) -> None:
    visual = extractor._model.visual
    torch.testing.assert_close(
        _interpolate_positions(visual, tuple(visual.grid_size)), visual.positional_embedding
    )


def test_a_bright_square_lands_in_its_cells(extractor) -> None:
    plain = np.full((64, 64, 3), 90, np.uint8)
    bright = plain.copy()
    bright[8:16, 40:48] = 255
    change = np.linalg.norm(
        extractor.extract(bright).features - extractor.extract(plain).features, axis=-1
    )
    assert np.unravel_index(change.argmax(), change.shape) == (1, 5)


def test_text_and_images_meet_in_one_space(extractor) -> None:
    texts = extractor.encode_text(["duck", "mug"])
    whole = extractor.encode_image(image())
    assert texts.shape == (2, 32) and whole.shape == (32,)
    np.testing.assert_allclose(np.linalg.norm([*texts, whole], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(extractor.encode_text(["mug"])[0], texts[1], atol=1e-5)


def test_missing_weights_say_what_where_and_how(checkpoint) -> None:
    with pytest.raises(FileNotFoundError, match="neither a file nor one of open_clip's tags"):
        load_extractor("ViT-tiny-test:/nowhere/weights.pt")


def test_unknown_and_unsuitable_architectures_are_refused(checkpoint) -> None:
    with pytest.raises(ValueError, match="architecture is 'ViT-nothing'"):
        ClipExtractor("ViT-nothing", checkpoint)
    with pytest.raises(ValueError, match="VisionTransformer"):
        ClipExtractor("RN-tiny-test", checkpoint.replace("ViT", "RN"))


def test_contrasts_do_not_contain_the_prompt(extractor) -> None:
    assert "table" in extractor.contrasts("duck") and "table" not in extractor.contrasts("table")
