from m3_ros.view.progress import advance, show_stage, stage_bar


def test_a_stage_and_its_share_are_shown(capsys):
    with stage_bar() as bar:
        show_stage(bar, "fit", 0.42)
    said = capsys.readouterr().out
    assert "fit" in said and "42 %" in said


def test_a_bar_learns_its_total_on_the_way():
    with stage_bar() as bar:
        advance(bar, 3, 12)
        assert (bar.n, bar.total) == (3, 12)
