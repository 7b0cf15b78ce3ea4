"""CLIP and SigLIP through open_clip: tiny models saved as published, read by the real path."""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import load_file

from m3_ros.features.clip import ClipExtractor
from m3_ros.features.dense_clip import own_attention
from m3_ros.features.loading import load_extractor


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, clip_folder) -> str:
    """The tiny ViT as an architecture of open_clip's and a checkpoint; a ResNet beside it."""
    folder = tmp_path_factory.mktemp("checkpoints")
    config = json.loads((clip_folder / "open_clip_config.json").read_text())["model_cfg"]
    (folder / "ViT-tiny-test.json").write_text(json.dumps(config))
    convolutional = config | {"vision_cfg": {"image_size": 32, "layers": [1] * 4, "width": 8}}
    (folder / "RN-tiny-test.json").write_text(json.dumps(convolutional))
    open_clip.add_model_config(folder)
    state = load_file(clip_folder / "open_clip_model.safetensors")
    torch.save({"state_dict": state}, folder / "ViT-tiny-test.pt")
    resnet = open_clip.create_model("RN-tiny-test")
    torch.save({"state_dict": resnet.state_dict()}, folder / "RN-tiny-test.pt")
    return str(folder / "ViT-tiny-test.pt")


@pytest.fixture(scope="module")
def clip(clip_folder) -> ClipExtractor:
    return ClipExtractor("clip", clip_folder, patches=8)


@pytest.fixture(scope="module")
def siglip(siglip_folder) -> ClipExtractor:
    return ClipExtractor("siglip", siglip_folder, patches=8)


@pytest.fixture(params=["clip", "siglip"])
def extractor(request) -> ClipExtractor:
    return request.getfixturevalue(request.param)


def test_loads_by_the_command_lines_name(checkpoint, clip_folder):
    loaded = load_extractor(f"ViT-tiny-test:{checkpoint}")
    assert loaded.name == "clip" and loaded.dim == 32
    assert loaded.digest == load_extractor("clip", clip_folder).digest
    assert loaded.digest == load_extractor("ViT-tiny-test", checkpoint).digest


def test_what_a_model_deserves_goes_by_its_kind(clip, siglip):
    assert (clip.name, clip.degrees, clip.threshold) == ("clip", 16, 0.80)
    assert (siglip.name, siglip.degrees, siglip.threshold) == ("siglip", 32, 0.85)


@pytest.mark.parametrize(
    ("size", "grid"), [((48, 64), (6, 8)), ((173, 241), (6, 8)), ((90, 31), (8, 3))]
)
def test_the_map_covers_the_image_in_unit_rows(extractor, make_noise, size, grid):
    found = extractor.extract(make_noise(*size))
    assert found.features.shape == (*grid, 32)
    np.testing.assert_allclose(np.linalg.norm(found.features, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("square", [(8, 16, 40, 48), (0, 8, 0, 8), (40, 48, 56, 64)])
def test_a_bright_square_lands_in_its_cells(extractor, changed_cells, square):
    at, _ = changed_cells(extractor.extract, (48, 64), square)
    assert square[0] <= at[0] < square[1] and square[2] <= at[1] < square[3]


def test_a_batch_is_its_images_one_by_one(extractor, make_noise):
    images = [make_noise(seed=seed) for seed in range(3)]
    for found, image in zip(extractor.extract_batch(images), images, strict=True):
        np.testing.assert_allclose(found.features, extractor.extract(image).features, atol=1e-5)


def test_the_value_path_is_attention_to_oneself(clip):
    attention = clip._model.visual.transformer.resblocks[-1].attn
    tokens = torch.randn(1, 5, 32)
    alone = torch.full((5, 5), float("-inf")).fill_diagonal_(0)
    with torch.inference_mode():
        expected = attention(tokens, tokens, tokens, attn_mask=alone, need_weights=False)[0]
        torch.testing.assert_close(
            own_attention(attention, tokens, (2, 2), "value"), expected, atol=1e-5, rtol=1e-4
        )


def test_a_single_patch_pools_to_its_own_feature(siglip):
    """With one token the pooling head has nothing else to attend to."""
    trunk = siglip._model.visual.trunk
    with torch.inference_mode():
        tokens = torch.randn(4, 1, 32)
        pooled = trunk.forward_head(tokens)
        twice = trunk.forward_head(tokens.expand(4, 7, 32))
    torch.testing.assert_close(pooled, twice, atol=1e-5, rtol=1e-4)


def test_the_tokens_behind_a_siglip_map_are_those_that_the_model_pools(siglip_folder, make_noise):
    extractor = ClipExtractor("siglip", siglip_folder, patches=4)
    visual, kept = extractor._model.visual, []
    visual.trunk.norm.register_forward_hook(lambda *call: kept.append(call[2]))
    image = make_noise(32, 32)  # its own size: nothing is scaled
    extractor.extract(image)
    whole = image_transform_v2(PreprocessCfg(**visual.preprocess_cfg), is_train=False)
    with torch.inference_mode():
        visual(whole(Image.fromarray(image))[None])
    torch.testing.assert_close(kept[0], kept[1], atol=1e-4, rtol=1e-3)


def test_text_and_images_meet_in_one_space(extractor, make_noise):
    texts = extractor.encode_text(["duck", "mug"])
    whole = extractor.encode_image(make_noise())
    assert texts.shape == (2, 32) and whole.shape == (32,)
    np.testing.assert_allclose(np.linalg.norm([*texts, whole], axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(extractor.encode_text(["mug"])[0], texts[1], atol=1e-5)
    assert np.abs(texts[0] - texts[1]).max() > 1e-3


def test_a_text_is_encoded_once(extractor, monkeypatch):
    first = extractor.encode_text(["lamp", "chair"])
    monkeypatch.setattr(extractor, "_tokenizer", None)
    np.testing.assert_array_equal(
        extractor.encode_text(["chair", "lamp", "chair"]), first[[1, 0, 1]]
    )


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights_are_computed_with_in_single(
    clip, make_noise, save_tiny, tmp_path, dtype
):
    half = ClipExtractor("clip", save_tiny["clip"](tmp_path / "half", dtype), patches=8)
    a, b = (e.extract(make_noise()).features for e in (half, clip))
    assert half._dtype == torch.float32 and (a * b).sum(-1).min() > 0.99


def test_missing_weights_say_what_where_and_how(checkpoint, tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a file nor one of open_clip's tags"):
        load_extractor("ViT-tiny-test:/nowhere/weights.pt")
    with pytest.raises(FileNotFoundError, match="open_clip_config.json"):
        load_extractor("clip", tmp_path)


def test_a_folder_without_weights_is_refused(clip_folder, tmp_path):
    config = (clip_folder / "open_clip_config.json").read_text()
    (tmp_path / "open_clip_config.json").write_text(config)
    with pytest.raises(FileNotFoundError, match="weights of clip: .* cannot be loaded"):
        load_extractor("clip", tmp_path)


def test_unknown_and_unsuitable_architectures_are_refused(checkpoint, clip_folder, siglip_folder):
    with pytest.raises(ValueError, match="architecture is 'ViT-nothing'"):
        load_extractor(f"ViT-nothing:{checkpoint}")
    with pytest.raises(ValueError, match="ModifiedResNet; clip needs a vision"):
        load_extractor(f"RN-tiny-test:{Path(checkpoint).with_name('RN-tiny-test.pt')}")
    with pytest.raises(ValueError, match="VisionTransformer; clip needs .* with a class token"):
        load_extractor("clip", siglip_folder)
    with pytest.raises(ValueError, match="siglip needs .* pools by attention"):
        load_extractor("siglip", clip_folder)


def test_contrasts_do_not_contain_the_prompt(clip):
    assert "table" in clip.negatives("duck") and "table" not in clip.negatives("table")
    assert clip.in_vocabulary("duck")
