"""Foundation models by name."""

import pytest

from m3_ros.features.loading import load_extractor, load_language_extractor


@pytest.mark.parametrize("name", ["", "dino", ":openai", "ViT-B-16", "dino:"])
def test_an_unknown_name_is_refused(name) -> None:
    with pytest.raises(ValueError, match="encoder is"):
        load_extractor(name)


def test_compact_ships_with_the_package() -> None:
    extractor = load_extractor("compact")
    assert extractor.name == "compact" and len(extractor.digest) == 64


def test_a_model_without_words_is_refused_as_one_that_is_asked(monkeypatch) -> None:
    monkeypatch.setattr("m3_ros.features.loading.load_extractor", lambda name, device: object())
    with pytest.raises(ValueError, match="'mute' does not understand text"):
        load_language_extractor("mute")
