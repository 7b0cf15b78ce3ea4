"""Names of scan folders that nobody chose."""

from m3_ros.nodes.capture import unused_folder


def test_scans_that_begin_in_one_second_are_numbered(tmp_path):
    made = []
    for _ in range(3):
        made.append(unused_folder(tmp_path, "20260101-120000"))
        made[-1].mkdir()
    names = ["20260101-120000", "20260101-120000-2", "20260101-120000-3"]
    assert [folder.name for folder in made] == names
