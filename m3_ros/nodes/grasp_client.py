"""Sends one goal to the running stack's /m3/grasp and prints its progress and result."""

from __future__ import annotations

from m3_ros.action import Grasp
from m3_ros.codes import GraspErrorCode
from m3_ros.nodes.client import Client


def send_grasp_goal(text: str, dry_run: bool, place: bool, namespace: str = "") -> int:
    """Send one goal to /m3/grasp and print its stages and result; Ctrl-C stops the arm.

    With a namespace the action is /NAMESPACE/m3/grasp.

    Returns:
        0 when the object was lifted (put back, where that was asked; in a dry run: a plan exists),
        1 otherwise.

    Raises:
        ClientError: nobody serves /m3/grasp, or the goal is refused.
    """
    stage = ""

    def show(feedback: Grasp.Feedback) -> None:
        nonlocal stage
        if feedback.stage != stage:
            stage = feedback.stage
            print(stage, flush=True)

    with Client("m3_grasp", namespace=namespace) as client:
        goal = Grasp.Goal(text=text, dry_run=dry_run, place=place)
        result = client.run(Grasp, "m3/grasp", goal, show)
    if not result.success:
        print(f"{GraspErrorCode(result.error_code).name}: {result.error_msg}")
        return 1
    lifted = f"lifted {100 * result.lift_height:.0f} cm" + (" and put back" if place else "")
    done = "a plan exists" if dry_run else lifted
    print(f"{text}: {done} after {result.num_retries} retries")
    return 0
