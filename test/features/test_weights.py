"""Where weights are looked for, and what is said when they are not there."""

import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError

from m3_ros.features import weights
from m3_ros.features.model_cards import MODELS

CARD = MODELS["dinov2"]


@pytest.fixture
def hub(monkeypatch):
    """What is asked of the hub's client; nothing goes out."""
    asked = []

    def download(repository, **options):
        asked.append((repository, options))
        raise LocalEntryNotFoundError("no network here\nand more")

    monkeypatch.setattr(weights, "snapshot_download", download)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    return asked


def test_a_folder_is_taken_as_it_is(tmp_path, hub):
    assert weights.find_weights(CARD, tmp_path) == tmp_path
    assert weights.find_weights(CARD, str(tmp_path)) == tmp_path
    assert not hub


def test_the_models_own_weights_are_looked_for_on_this_machine_only(hub):
    with pytest.raises(FileNotFoundError) as error:
        weights.find_weights(CARD, None)
    assert hub == [("facebook/dinov2-giant", {"local_files_only": True})]
    for words in ("weights of dinov2: facebook/dinov2-giant is not in /", CARD.commands[0]):
        assert words in str(error.value)
    assert "\n" not in str(error.value) and "dinov2:FOLDER" in str(error.value)


def test_only_a_hub_name_that_the_user_gives_is_downloaded(hub):
    with pytest.raises(FileNotFoundError, match=r"could not be downloaded \(no network here\)"):
        weights.find_weights(CARD, "facebook/dinov2-base")
    assert hub == [("facebook/dinov2-base", {"allow_patterns": ["*.json", "*.safetensors"]})]


@pytest.mark.parametrize("name", ["nowhere", "/nowhere/at/all", "./a/b", "a/b/c", "~/nowhere"])
def test_what_is_neither_is_refused_without_a_network(hub, name):
    with pytest.raises(FileNotFoundError, match="no folder and no name of the Hugging Face Hub"):
        weights.find_weights(CARD, name)
    assert not hub


def test_digests_tell_weights_number_types_and_settings_apart():
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    digest = weights.weights_digest([layer], "a")
    assert digest == weights.weights_digest([layer], "a") and len(digest) == 64
    others = [weights.weights_digest([layer], "b"), weights.weights_digest([layer, layer], "a")]
    with torch.no_grad():
        layer.bias += 1e-6
    others.append(weights.weights_digest([layer], "a"))
    others.append(weights.weights_digest([layer.bfloat16()], "a"))
    assert len({digest, *others}) == 5


def test_a_machine_without_transformers_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(RuntimeError, match="'dinov2' needs .* transformers; `make models`"):
        weights.transformers_for(CARD)
