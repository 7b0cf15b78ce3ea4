"""The target of a grasp from the answer of a query."""

import numpy as np

from m3_ros.codes import QueryStatus
from m3_ros.grasp.outcome import Target


def test_several_objects_that_are_all_meant_are_no_target():
    one, other = np.zeros((4, 3)), np.ones((5, 3))
    single = Target.of_answer(QueryStatus.FOUND, [one], "here")
    assert single.located and len(single.points) == 4 and single.message == "here"
    both = Target.of_answer(QueryStatus.FOUND, [one, other], "these two")
    assert both.status is QueryStatus.AMBIGUOUS and "one object" in both.message
    listed = Target.of_answer(QueryStatus.AMBIGUOUS, [one, other], "say more")
    assert listed.message == "say more"
    doubted = Target.of_answer(QueryStatus.UNCERTAIN, [one, other], "perhaps")
    assert doubted.status is QueryStatus.UNCERTAIN and doubted.message == "perhaps"
    assert not doubted.located
    assert not Target.of_answer(QueryStatus.NOT_FOUND, [], "nothing").located
