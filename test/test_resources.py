"""Data files are found from the source tree; a missing one is named with where it was sought."""

import pytest

from m3_ros.resources import resource


def test_robot_models_are_found():
    assert resource("urdf/b1_z1.urdf").is_file()
    assert resource("mjcf/scene.xml").is_file()


def test_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"urdf/c3po\.urdf of m3_ros is missing"):
        resource("urdf/c3po.urdf")
