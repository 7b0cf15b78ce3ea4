"""A captioning model through transformers: real code path of a tiny random BLIP."""

import pytest

from m3_ros.features.captioner import ImageCaptioner
from m3_ros.features.model_cards import MODELS


@pytest.fixture(scope="module")
def captioner(captioner_folder) -> ImageCaptioner:
    return ImageCaptioner(MODELS["llama3"], captioner_folder, tokens=6, batch=2)


def test_every_picture_gets_words_and_the_same_ones_again(captioner, make_noise):
    pictures = [make_noise(40 + 7 * n, 60 - 9 * n, seed=n) for n in range(3)]
    words = captioner.describe(pictures)
    assert len(words) == 3 and all(isinstance(text, str) for text in words)
    assert words == captioner.describe(pictures)
    assert words[1] == captioner.describe(pictures[1:2])[0]
    assert captioner.describe([]) == []


def test_the_length_is_bounded_and_part_of_the_digest(captioner, captioner_folder, make_noise):
    short = ImageCaptioner(MODELS["llama3"], captioner_folder, tokens=1)
    assert len(short.describe([make_noise()])[0]) <= len(captioner.describe([make_noise()])[0])
    assert short.digest != captioner.digest


def test_a_folder_without_processor_is_named(captioner_folder, tmp_path):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((captioner_folder / name).read_bytes())
    with pytest.raises(FileNotFoundError, match="no usable processor.*blip"):
        ImageCaptioner(MODELS["llama3"], tmp_path)
