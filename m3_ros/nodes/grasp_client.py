"""Send goals to the running stack's actions that move the arm; print progress and result."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from geometry_msgs.msg import PoseStamped

from m3_ros.action import Grasp, Place, Release, Stow
from m3_ros.codes import GraspErrorCode, MoveErrorCode, PlaceErrorCode
from m3_ros.nodes.client import Client
from m3_ros.nodes.process_state import own_process


def send_grasp_goal(
    text: str,
    dry_run: bool = False,
    place: bool = False,
    release_first: bool = False,
    stop_on_exit: bool = False,
    namespace: str = "",
    accept_uncertain: bool = False,
) -> int:
    """Send one goal to /m3/grasp and print its stages and result; Ctrl-C stops the arm.

    With a namespace the action is /NAMESPACE/m3/grasp. With `stop_on_exit` the death of this
    process stops the arm too, which must be on the grasp node's machine.

    Returns:
        0 when the object was lifted (put back, where that was asked; in a dry run: a plan exists),
        1 otherwise.

    Raises:
        ClientError: nobody serves /m3/grasp, or the goal is refused.
    """
    goal = Grasp.Goal(text=text, dry_run=dry_run, place=place, release_first=release_first)
    goal.accept_uncertain = accept_uncertain

    def done(result: Grasp.Result) -> str:
        lifted = f"lifted {100 * result.lift_height:.0f} cm" + (" and put back" if place else "")
        what = "a plan exists" if dry_run else lifted
        return f"{text}: {what} after {result.num_retries} retries"

    return _send(Grasp, "m3/grasp", goal, GraspErrorCode, done, stop_on_exit, namespace)


def send_place_goal(
    surface: str,
    at: tuple[float, float, float] | None,
    frame: str,
    stop_on_exit: bool = False,
    namespace: str = "",
) -> int:
    """Send one goal to /m3/place: to a point `at` in `frame`, or to a free spot on `surface`.

    Returns:
        0 when the object was put down, 1 otherwise.

    Raises:
        ClientError: nobody serves /m3/place, or the goal is refused.
    """
    target = PoseStamped()
    if at is not None:
        target.header.frame_id = frame
        spot = target.pose.position
        spot.x, spot.y, spot.z = at

    def done(result: Place.Result) -> str:
        point = result.spot.point
        return f"put down at {point.x:.3f}, {point.y:.3f}, {point.z:.3f} m in map"

    goal = Place.Goal(surface=surface, target=target)
    return _send(Place, "m3/place", goal, PlaceErrorCode, done, stop_on_exit, namespace)


def send_release_goal(namespace: str = "") -> int:
    """Send one goal to /m3/release; return 0 when the jaws are open, 1 otherwise.

    Raises:
        ClientError: nobody serves /m3/release, or the goal is refused.
    """
    goal = Release.Goal()
    return _send(
        Release, "m3/release", goal, MoveErrorCode, lambda _: "released", False, namespace
    )


def send_stow_goal(posture: str, stop_on_exit: bool = False, namespace: str = "") -> int:
    """Send one goal to /m3/stow; return 0 when the arm is at the posture, 1 otherwise.

    Raises:
        ClientError: nobody serves /m3/stow, or the goal is refused.
    """
    goal = Stow.Goal(posture=posture)
    return _send(Stow, "m3/stow", goal, MoveErrorCode, lambda _: "stowed", stop_on_exit, namespace)


def _send(
    kind: type,
    name: str,
    goal: object,
    codes: type[IntEnum],
    done: Callable[[object], str],
    stop_on_exit: bool,
    namespace: str,
) -> int:
    """Send one goal and print its stages and its result; return the exit status."""
    stage = ""
    if stop_on_exit:
        goal.client_process = own_process()

    def show(feedback: object) -> None:
        nonlocal stage
        if feedback.stage != stage:
            stage = feedback.stage
            print(stage, flush=True)

    with Client(f"m3_{name.rsplit('/', 1)[-1]}", namespace=namespace) as client:
        result = client.run(kind, name, goal, show)
    if not result.success:
        print(f"{codes(result.error_code).name}: {result.error_msg}")
        return 1
    print(done(result))
    return 0
