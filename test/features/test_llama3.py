"""Captions of regions read by an LLM: the right tokens, the right layer, the right cells."""

import numpy as np
import pytest
import torch

from m3_ros.features.llama3 import SYSTEM_PROMPT, Llama3Extractor, WordFeatures, crop
from m3_ros.features.loading import load_extractor


@pytest.fixture(scope="module")
def words(llm_folder) -> WordFeatures:
    return WordFeatures(llm_folder, "cpu", -12, batch=2)


@pytest.fixture(scope="module")
def extractor(llm_folder, captioner_folder) -> Llama3Extractor:
    return load_extractor(f"llama3:{llm_folder}+{captioner_folder}+superpixels")


def picture() -> np.ndarray:
    image = np.full((173, 241, 3), 128, np.uint8)
    image[30:90, 40:120] = (200, 40, 40)
    return image


def test_the_mean_is_over_the_descriptions_tokens_alone(words, llm_folder):
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(llm_folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(llm_folder)
    before, text = (
        tokenizer(part, add_special_tokens=False).input_ids
        for part in (f"<|system|>{SYSTEM_PROMPT}<|end|><|user|>", "red duck")
    )
    with torch.inference_mode():  # what follows the description cannot change its states
        states = model(torch.tensor([before + text]), output_hidden_states=True).hidden_states
    expected = states[-12][0, len(before) :].mean(0)
    np.testing.assert_allclose(words.encode(["red duck"])[0], expected, atol=1e-4)


def test_a_batch_is_its_texts_one_by_one(words):
    texts = ["red duck", "a mug on the yellow table", "thing", "<|end|", "d"]
    together = words.encode(texts)
    assert together.shape == (5, 32) and words.encode([]).shape == (0, 32)
    alone = np.concatenate([words.encode([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_array_equal(words.encode([" "]), words.encode(["thing"]))


def test_the_layer_matters_and_is_checked(words, llm_folder):
    last = WordFeatures(llm_folder, "cpu", -1)
    assert np.abs(last.encode(["duck"]) - words.encode(["duck"])).max() > 1e-3
    assert last.digest != words.digest
    with pytest.raises(ValueError, match="layer = -13: it must lie in -12..-1"):
        WordFeatures(llm_folder, "cpu", -13)


def test_what_the_format_says_besides_does_not_count(words, llm_folder):
    """A date in the format is the same one on every day; a longer tail moves no token."""
    other = WordFeatures(llm_folder, "cpu", -12)
    template = other._tokenizer.chat_template
    other._tokenizer.chat_template = template + "{{ date_string }} red duck"
    other._tail += len("26 Jul 2024 red duck")
    np.testing.assert_allclose(other.encode(["duck"]), words.encode(["duck"]), atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_weights(words, save_tiny, tmp_path, dtype):
    half = WordFeatures(save_tiny["llm"](tmp_path / "half", dtype), "cpu", -12)
    a, b = half.encode(["red duck"])[0], words.encode(["red duck"])[0]
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.99


def test_a_region_has_one_feature_on_its_own_cells(extractor):
    found = extractor.extract(picture())
    assert found.features.shape == (57, 80, 32) and extractor.dim == 32
    scale = np.array([57 / 173, 80 / 241])
    inside = found.regions[tuple(np.intp(scale * (60, 80)))]
    rows, columns = np.nonzero(found.regions == inside)
    box = [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
    np.testing.assert_allclose(box, [*(scale * (30, 40)), *(scale * (90, 120))], atol=1.5)
    assert np.unique(found.features[found.regions == inside], axis=0).shape[0] == 1
    rows, index = found.as_rows()
    assert len(rows) == found.regions.max() + 1 and (index == found.regions).all()


def test_the_same_image_has_the_same_features(extractor):
    one, other = extractor.extract_batch([picture(), picture()])
    np.testing.assert_array_equal(one.features, other.features)


def test_the_three_parts_are_named_when_missing(llm_folder, captioner_folder):
    with pytest.raises(FileNotFoundError, match="meta-llama/Llama-3.1-8B-Instruct is not in"):
        load_extractor("llama3")
    with pytest.raises(FileNotFoundError, match="blip-image-captioning-large is not in"):
        load_extractor(f"llama3:{llm_folder}")
    with pytest.raises(FileNotFoundError, match="sam-vit-huge is not in"):
        load_extractor(f"llama3:{llm_folder}+{captioner_folder}")
    with pytest.raises(ValueError, match="at most LLM"):
        load_extractor("llama3:a+b+c+d")


def test_a_crop_has_a_margin_and_stays_inside():
    image, mask = (
        np.arange(60 * 80 * 3, dtype=np.uint8).reshape(60, 80, 3),
        np.zeros((60, 80), bool),
    )
    mask[20:30, 0:20] = True
    assert crop(image, mask).shape == (14, 23, 3)


def test_each_region_keeps_the_caption_that_its_feature_is_of(extractor):
    found = extractor.extract(picture())
    for number, caption in enumerate(found.captions):
        expected = extractor._words.encode([caption])[0]
        np.testing.assert_allclose(found.features[found.regions == number][0], expected, atol=1e-4)
    assert len(found.captions) == found.regions.max() + 1
