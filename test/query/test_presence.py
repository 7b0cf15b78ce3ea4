"""A second model takes back what it does not see in the live frame, and nothing else."""

from types import SimpleNamespace

import pytest

from m3_ros.codes import QueryStatus
from m3_ros.errors import UsageError
from m3_ros.query.answer import Localizer
from m3_ros.query.presence import load_presence


class Presence:
    """Sees everything with one probability, and keeps what it was asked for."""

    def __init__(self, probability):
        self.probability, self.asked = probability, []

    def see(self, rgb, text):
        self.asked.append((rgb, text))
        return SimpleNamespace(probability=self.probability)


@pytest.mark.parametrize(
    ("probability", "status"), [(0.9, QueryStatus.FOUND), (0.1, QueryStatus.UNCERTAIN)]
)
def test_an_object_is_found_only_if_the_second_model_sees_it(toy, toy_memory, probability, status):
    presence, frame = Presence(probability), toy.frames[0]
    localizer = Localizer(toy_memory, toy.model, presence=presence)
    result = localizer.locate("red box", frame)
    assert result.status is status and len(result.targets) == 1
    assert presence.asked == [(frame.rgb, "red box")]
    doubted = "does not show 'red box' to the model of query.presence (probability 0.10, 0.5"
    assert (doubted in result.message) == (status is QueryStatus.UNCERTAIN)
    assert localizer.locate("red box").status is QueryStatus.FOUND  # no frame, nothing to check
    assert localizer.locate("umbrella", frame).status is QueryStatus.NOT_FOUND
    assert len(presence.asked) == 1


def test_the_setting_names_the_model(tmp_path):
    assert load_presence("", "cpu") is None
    with pytest.raises(UsageError, match="query.presence is .clip.; it must be sam3, sam3:FOLDER"):
        load_presence("clip", "cpu")
    with pytest.raises(FileNotFoundError, match="weights of sam3: .*hf download facebook/sam3"):
        load_presence(f"sam3:{tmp_path}", "cpu")
