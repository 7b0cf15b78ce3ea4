"""Image towers of open_clip: dense forms by their definitions, Perception Encoder, MobileCLIP."""

import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from m3_ros.errors import UsageError
from m3_ros.features.clip import ClipExtractor
from m3_ros.features.dense_clip import FORMS, dense_features, own_attention
from m3_ros.features.loading import load_extractor, split_name


@pytest.fixture(scope="module")
def pe(pe_folder) -> ClipExtractor:
    return ClipExtractor("pe", pe_folder, patches=4)


@pytest.fixture(scope="module")
def mobileclip(mobileclip_folder) -> ClipExtractor:
    return ClipExtractor("mobileclip2", mobileclip_folder, patches=4)


@pytest.fixture(params=["pe", "mobileclip"])
def extractor(request) -> ClipExtractor:
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("ViT-B-16-SigLIP2-512:webli", "siglip2"),
        ("ViT-B-16-SigLIP:webli", "siglip"),
        ("PE-Core-B-16:meta", "pe"),
        ("MobileCLIP2-S0:dfndr2b", "mobileclip2"),
        ("ViT-B-16:laion2b_s34b_b88k", "clip"),
    ],
)
def test_the_architecture_says_which_model_it_is(name, model):
    assert split_name(name) == (model, name)


def test_siglip2_is_read_as_siglip_and_kept_apart(siglip_folder, make_noise):
    second = load_extractor(f"siglip2:{siglip_folder}")
    assert (second.name, second.dim, second.threshold) == ("siglip2", 32, 0.85)
    first = load_extractor("siglip", siglip_folder).extract(make_noise()).features
    np.testing.assert_array_equal(second.extract(make_noise()).features, first)


def test_the_map_covers_the_image_in_unit_rows(extractor, make_noise):
    found = extractor.extract(make_noise(173, 241)).features
    assert found.shape == (3, 4, 24) and extractor.dim == 24
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, atol=1e-5)
    texts = extractor.encode_text(["duck", "mug"])
    assert texts.shape == (2, 24) and np.abs(texts[0] - texts[1]).max() > 1e-3
    assert extractor.encode_image(make_noise()).shape == (24,)


def test_a_bright_square_lands_in_its_cells(extractor, changed_cells):
    at, _ = changed_cells(extractor.extract, (96, 128), (64, 96, 32, 64))
    assert 64 <= at[0] < 96 and 32 <= at[1] < 64


def test_pe_gives_the_tokens_that_the_model_pools_but_its_class_token(pe, make_noise):
    visual, kept = pe._model.visual, []
    hook = visual.trunk.norm.register_forward_hook(lambda *call: kept.append(call[2]))
    pe.extract(make_noise(32, 32))  # its own size: nothing is scaled
    pixels = image_transform_v2(PreprocessCfg(**visual.preprocess_cfg), is_train=False)
    with torch.inference_mode():
        visual(pixels(Image.fromarray(make_noise(32, 32)))[None])
        hook.remove()
        torch.testing.assert_close(kept[0], kept[1], atol=1e-4, rtol=1e-3)
        alone = visual.trunk.forward_head(kept[0][0, 1:, None])
    found = pe.extract(make_noise(32, 32)).features.reshape(16, 24)
    expected = torch.nn.functional.normalize(alone, dim=-1)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_mean_of_mobileclips_cells_is_its_feature_of_the_picture(mobileclip, make_noise):
    image = make_noise(32, 32)
    cells = mobileclip._tower.dense(torch.from_numpy(image).permute(2, 0, 1)[None] / 255)
    mean = cells[0].mean(dim=(0, 1))
    assert cells.shape[1:3] == (4, 4)
    np.testing.assert_allclose(
        torch.nn.functional.normalize(mean, dim=0).detach(),
        mobileclip.encode_image(image),
        atol=1e-5,
    )


def test_a_tower_of_another_kind_is_refused(pe_folder, siglip_folder):
    for name, folder, words in (
        ("siglip", pe_folder, "Eva; siglip needs .* pools by attention"),
        ("pe", siglip_folder, "VisionTransformer; pe needs a Perception Encoder"),
        ("mobileclip2", siglip_folder, "mobileclip2 needs a convolutional tower"),
    ):
        with pytest.raises(UsageError, match=words):
            load_extractor(name, folder)


def by_definition(attention, tokens: np.ndarray, form: str) -> np.ndarray:
    """The attention of a form over one picture's tokens `[1 + 2 * 3, c]`, token by token."""
    state = {name: value.detach().numpy() for name, value in attention.state_dict().items()}
    q, k, v = np.split(tokens @ state["in_proj_weight"].T + state["in_proj_bias"], 3, axis=1)
    width = attention.embed_dim // attention.num_heads
    places = [None, *np.ndindex(2, 3)]
    mixed = np.zeros_like(v)
    for head in range(attention.num_heads):
        own = slice(head * width, (head + 1) * width)
        for i, place in enumerate(places):
            qq, kk = (x[:, own] @ x[i, own] / np.sqrt(width) for x in (q, k))
            if form == "naclip" and place is not None:
                kk[1:] += [np.exp(-np.sum(np.subtract(place, p) ** 2) / 50) for p in places[1:]]
            softmax = [np.exp(x) / np.exp(x).sum() for x in (qq, kk)]
            weights = {"sclip": sum(softmax), "clearclip": softmax[0], "naclip": softmax[1]}[form]
            mixed[i, own] = weights @ v[:, own]
    return mixed @ state["out_proj.weight"].T + state["out_proj.bias"]


@pytest.fixture(scope="module")
def visual(clip_folder):
    return load_extractor("clip", clip_folder)._model.visual


@pytest.mark.parametrize("form", FORMS[1:])
def test_dense_forms_are_their_papers_definitions(visual, form):
    attention = visual.transformer.resblocks[-1].attn
    torch.manual_seed(0)
    tokens = 3 * torch.randn(1, 7, 32)
    with torch.inference_mode():
        found = own_attention(attention, tokens, (2, 3), form)[0].numpy()
    np.testing.assert_allclose(found, by_definition(attention, tokens[0].numpy(), form), atol=1e-5)


def test_neither_residual_nor_feed_forward_layer_is_in_clearclip_and_naclip(visual):
    """A form without them does not change when the feed-forward layer does."""
    bias = visual.transformer.resblocks[-1].mlp.c_proj.bias
    torch.manual_seed(0)
    pixels = torch.randn(1, 3, 48, 64)
    with torch.no_grad():
        for form in FORMS:
            before = dense_features(visual, pixels, form)
            bias += 1.0
            same = torch.allclose(dense_features(visual, pixels, form), before)
            bias -= 1.0
            assert same == (form in ("clearclip", "naclip")), form


def test_a_form_is_named_after_the_weights_and_is_part_of_the_digest(clip_folder, make_noise):
    value, naclip = (
        load_extractor("clip", clip_folder),
        load_extractor(f"clip:{clip_folder}+naclip"),
    )
    assert naclip.digest != value.digest and naclip.dim == value.dim
    a, b = (each.extract(make_noise()).features for each in (value, naclip))
    assert np.abs(a - b).max() > 1e-3


def test_only_clip_has_dense_forms(siglip_folder):
    with pytest.raises(UsageError, match="end in \\+naclip; only clip has dense forms"):
        load_extractor(f"siglip:{siglip_folder}+naclip")
