"""The compact encoder: an open_clip model whose map lies on the image, near its words."""

import json
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from m3_ros.features.compact import (
    CONFIG_FILE,
    DIM,
    FILES,
    IMAGENET_FILE,
    NAMES_FILE,
    WEIGHTS_FILE,
    WORDS_FILE,
    CompactExtractor,
    CompactTokenizer,
)
from m3_ros.features.compact.imagenet import (
    CLASSES,
    PHOTOGRAPHED,
    RENDERED,
    ImagenetBranch,
    word_vectors,
)
from m3_ros.features.compact.images import OWN_DIM, joined, network_input
from m3_ros.features.compact.trunk import (
    CATEGORY_DIM,
    CompactTrunk,
    fold_batch_norms,
    normalize_halves,
)
from m3_ros.features.compact.trunk import DIM as RENDERED_DIM
from m3_ros.features.compact.words import WordTable

SHIPPED = Path(__file__).parents[2] / "m3_ros" / "features" / "compact"


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory) -> Path:
    """The shipped architecture with random weights, saved as open_clip saves a model."""
    folder = tmp_path_factory.mktemp("compact")
    for name in (CONFIG_FILE, NAMES_FILE, IMAGENET_FILE, WORDS_FILE):
        (folder / name).write_bytes((SHIPPED / name).read_bytes())
    torch.manual_seed(0)
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}", load_weights=False)
    save_file(model.state_dict(), folder / WEIGHTS_FILE)
    return folder


@pytest.fixture(scope="module")
def extractor(random_weights) -> CompactExtractor:
    return CompactExtractor(random_weights)


@pytest.fixture(scope="module")
def shipped() -> CompactExtractor:
    return CompactExtractor()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def test_halves_are_unit_vectors_over_root_two() -> None:
    x = normalize_halves(torch.randn(5, 7, RENDERED_DIM))
    torch.testing.assert_close(x.norm(dim=-1), torch.ones(5, 7))
    torch.testing.assert_close(x[..., :CATEGORY_DIM].norm(dim=-1), torch.full((5, 7), 0.5**0.5))


def test_trunk_gives_one_cell_per_eight_pixels() -> None:
    features, objectness = CompactTrunk().eval().dense(torch.zeros(2, 3, 96, 160))
    assert features.shape == (2, 12, 20, RENDERED_DIM) and objectness.shape == (2, 12, 20)


def test_linear_layers_on_the_body_say_what_kind_it_is_and_no_more() -> None:
    torch.manual_seed(0)
    trunk, image = CompactTrunk().eval(), torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        plain, objectness = trunk.dense(image)
        for layer in trunk.kinds:
            nn.init.normal_(layer.weight)
        kinds, same = trunk.dense(image)
    assert (kinds - plain)[..., :CATEGORY_DIM].abs().max() > 0.05
    torch.testing.assert_close(kinds[..., CATEGORY_DIM:], plain[..., CATEGORY_DIM:])
    torch.testing.assert_close(same, objectness)


def test_folding_batch_norms_changes_nothing() -> None:
    torch.manual_seed(0)
    trunk, image = CompactTrunk().eval(), torch.randn(1, 3, 96, 96)
    norms = [m for m in trunk.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        nn.init.normal_(norm.running_mean, std=0.1)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
    with torch.inference_mode():
        before = trunk.dense(image)
        fold_batch_norms(trunk)
        after = trunk.dense(image)
    assert len(norms) > 50 and not any(isinstance(m, nn.BatchNorm2d) for m in trunk.modules())
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("size", [(480, 640), (241, 333), (100, 37), (720, 1280)])
def test_features_are_unit_rows_whatever_the_image_size(extractor, size) -> None:
    found = extractor.extract(noise(*size))
    assert found.features.dtype == np.float32 and found.features.shape[2] == extractor.dim
    np.testing.assert_allclose(np.linalg.norm(found.features, axis=-1), 1, atol=1e-3)
    assert found.valid.all()
    h, w = found.valid.shape
    assert abs(np.log((h / w) / (size[0] / size[1]))) < 0.35


def test_the_same_image_gives_the_same_features(extractor) -> None:
    image = noise(120, 160)
    np.testing.assert_array_equal(
        extractor.extract(image).features, extractor.extract(image.copy()).features
    )


def test_a_batch_is_its_images_one_by_one(extractor) -> None:
    images = [noise(90, 120, seed) for seed in range(3)]
    for found, image in zip(extractor.extract_batch(images), images, strict=True):
        alone = extractor.extract(image).features
        assert (found.features * alone).sum(-1).min() > 0.999  # bfloat16 inside


@pytest.mark.parametrize(("row", "column"), [(0.15, 0.2), (0.8, 0.25), (0.5, 0.85)])
def test_a_changed_patch_changes_the_cells_it_covers_most(shipped, row, column) -> None:
    plain = np.full((240, 320, 3), 128, np.uint8)
    patched = plain.copy()
    y, x = int(row * 240), int(column * 320)
    patched[y - 16 : y + 16, x - 16 : x + 16] = (230, 30, 30)
    # the colour: a plain image may count as a photograph, which is one number for all cells
    one, other = (
        shipped.extract(image).features[..., CATEGORY_DIM:RENDERED_DIM]
        for image in (patched, plain)
    )
    change = np.linalg.norm(one - other, axis=-1)
    h, w = change.shape
    weight = change * (change > 0.5 * change.max())
    centre = [(weight * axis).sum() / weight.sum() for axis in np.mgrid[:h, :w] + 0.5]
    assert abs(centre[0] / h - row) < 0.06 and abs(centre[1] / w - column) < 0.06


def test_text_features_are_unit_rows_and_independent_of_their_batch(extractor) -> None:
    texts = ["a yellow bath duck", "mug", "the quick brown fox " * 20]
    together = extractor.encode_text(texts)
    assert together.shape == (3, DIM)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([extractor.encode_text([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_tokens_fit_the_vocabulary_and_end_with_its_largest() -> None:
    tokenizer = CompactTokenizer()
    config = json.loads((SHIPPED / CONFIG_FILE).read_text())["model_cfg"]["text_cfg"]
    tokens = tokenizer(["yellow duck", "Größenwahn 漢字 🦆", "word " * 50, ""])
    assert tokens.shape == (4, config["context_length"])
    assert int(tokens.max()) == config["vocab_size"] - 1 == tokenizer.eot_token_id
    assert (tokens == tokenizer.eot_token_id).sum(1).tolist() == [1, 1, 1, 1]


def test_shipped_text_tower_knows_synonyms_colours_and_politeness(shipped) -> None:
    wanted = shipped.encode_text(["yellow duck", "red mug", "blue car", "purple umbrella"])
    said = shipped.encode_text(
        ["the yellow rubber duck please", "a photo of a red coffee mug", "blue toy car"]
    )
    assert (said @ wanted.T).argmax(axis=1).tolist() == [0, 1, 2]
    assert (np.diag(said @ wanted.T) > 0.8).all()
    assert np.abs(wanted[3] @ wanted[:3].T).max() < 0.5


@pytest.mark.parametrize(
    ("prompt", "known"),
    [
        ("duck", True),
        ("red coffee mug", True),
        ("red thing", True),
        ("purple umbrella", True),
        ("keyboard", True),
        ("happiness", False),
        ("scissors", False),
    ],
)
def test_the_shipped_one_knows_what_it_has_learnt(shipped, prompt, known) -> None:
    assert shipped.in_vocabulary(prompt) == known


def test_the_mean_of_the_cells_logits_is_the_published_networks_answer() -> None:
    branch = ImagenetBranch.load(SHIPPED / IMAGENET_FILE)
    image = network_input(noise(224, 320), 320)
    with torch.inference_mode():
        torch.testing.assert_close(
            branch.logits(image).mean((2, 3)), branch.network(image), atol=1e-3, rtol=1e-3
        )


def test_a_probable_class_is_named_by_its_words() -> None:
    branch = ImagenetBranch.load(SHIPPED / IMAGENET_FILE)
    logits = torch.full((1, CLASSES, 1, 1), -20.0)
    keyboard = 508  # "computer keyboard, keypad"
    logits[:, keyboard] = 20.0
    names = json.loads((SHIPPED / WORDS_FILE).read_text())["names"]
    vectors = word_vectors(SHIPPED / IMAGENET_FILE)
    assert len(names) == len(vectors)
    near = [names[i] for i in (vectors @ branch.words(logits).flatten()).topk(3).indices]
    assert "computer keyboard" in near


def test_the_longest_known_end_of_a_text_counts() -> None:
    table = WordTable(["cup", "coffee cup", "bar of soap", "dish"], np.eye(4, dtype=np.float32))
    for text, row in (
        ("red coffee cup", 1),
        ("a photo of a cup on the table", 0),
        ("bar of soap", 2),
        ("Dishes!", 3),
        ("cups", 0),
    ):
        assert table.find(text).argmax() == row, text
    assert table.find("cup holder") is None and table.find("") is None


def test_what_no_branch_knows_is_in_dimensions_that_no_image_has(shipped) -> None:
    own = slice(-OWN_DIM, None)
    happiness, keyboard, red = shipped.encode_text(["happiness", "keyboard", "red thing"])
    assert happiness[-1] == pytest.approx(shipped._shares[1], abs=1e-5)
    assert np.linalg.norm(keyboard[:RENDERED_DIM]) < 0.01 and keyboard[RENDERED_DIM:].any()
    assert np.linalg.norm(red[CATEGORY_DIM:RENDERED_DIM]) > 0.9
    assert np.abs(shipped.extract(noise(64, 96)).features[..., own]).max() == 0


def test_words_of_one_branch_alone_are_told_apart(shipped) -> None:
    one, other, same = shipped.encode_text(["keyboard", "umbrella", "computer keyboard"])
    assert one @ other < 0.5 < 0.85 < one @ same


def test_renderings_are_told_from_other_images() -> None:
    branch = ImagenetBranch.load(SHIPPED / IMAGENET_FILE)
    middle = (RENDERED + PHOTOGRAPHED) / 2
    outside = torch.tensor([0.3, RENDERED, middle, PHOTOGRAPHED, 3.0]) * branch.residual
    branch.outside = lambda _: outside
    found = branch.rendered(torch.zeros(5, CLASSES)).tolist()
    assert found == pytest.approx([1, 1, 0.5, 0, 0], abs=1e-5)


def test_a_rendering_has_no_words_and_a_photograph_no_category() -> None:
    rendered = normalize_halves(torch.randn(3, RENDERED_DIM))
    found = joined(rendered, torch.tensor([[1.0], [0.5], [0.0]]), torch.randn(3, 95))
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(3))
    torch.testing.assert_close(found[0, :RENDERED_DIM], rendered[0])
    assert not found[0, RENDERED_DIM:].any() and not found[2, :CATEGORY_DIM].any()


def test_contrasts_leave_out_what_the_prompt_means(shipped) -> None:
    assert "duck" in shipped.negatives("yellow duck")
    assert "duck" not in shipped.negatives("rubber duck") and "mug" in shipped.negatives("duck")
    colors = shipped.negatives("the red thing")
    assert "red thing" not in colors and "blue thing" in colors


def test_image_features_are_unit_vectors(extractor) -> None:
    one = extractor.encode_image(noise(60, 80))
    assert one.shape == (DIM,) and np.linalg.norm(one) == pytest.approx(1, abs=1e-3)


def test_another_weight_another_digest(random_weights, shipped, extractor) -> None:
    assert extractor.digest == CompactExtractor(random_weights).digest != shipped.digest


@pytest.mark.parametrize("missing", FILES)
def test_missing_files_are_named_with_the_way_to_get_them(
    random_weights, tmp_path, missing
) -> None:
    for name in set(FILES) - {missing}:
        (tmp_path / name).write_bytes((random_weights / name).read_bytes())
    with pytest.raises(FileNotFoundError, match=missing) as error:
        CompactExtractor(tmp_path)
    assert str(tmp_path) in str(error.value) and "train_compact_encoder" in str(error.value)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((8, 64, 3), np.uint8),
    ],
)
def test_what_is_no_image_is_refused(extractor, image) -> None:
    with pytest.raises(ValueError, match="rgb is"):
        extractor.extract(image)
