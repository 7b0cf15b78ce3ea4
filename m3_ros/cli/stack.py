"""Commands that run the ROS 2 stack: demo, up, grasp, place, release, stow, bench load."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from m3_ros.cli.app import OK, Positional, app, bench
from m3_ros.cli.ros import require_ros


@app.command
def demo(
    seed: int = 0,
    query: str = "yellow bath duck",
    scene: Path | None = None,
    base_shift: tuple[float, float, float] = (-0.05, 0.20, -15.0),
    output: Path = Path("demo_output"),
    encoder: str = "compact",
    view: bool = False,
) -> int:
    """Scan, build, query and grasp in simulation over ROS 2, and write a report.

    Args:
        seed: scene, sensor noise and everything else random.
        query: what to find and lift.
        scene: a scene.yaml with objects of your own.
        base_shift: move the robot by x m, y m, yaw deg between scan and query.
        output: folder for report.html, report.json, scan, memory and logs.
        encoder: a model that understands text, name or name:weights (docs/models.md), or an
            open_clip model such as ViT-B-16:laion2b_s34b_b88k.
        view: open the memory as a page in the end, until Ctrl-C.
    """
    require_ros()
    from m3_ros.nodes.demo import DemoOptions, run_demo

    return run_demo(DemoOptions(seed, query, scene, base_shift, output, encoder, view))


@app.command
def up(
    stack: Positional[str],
    config: Path | None = None,
    set: tuple[str, ...] = (),
    namespace: str = "",
    use_sim_time: bool = False,
    autostart: bool = True,
    log_level: Literal["debug", "info", "warn", "error", "fatal"] = "info",
) -> int:
    """Start the nodes of a stack: scan, memory, query, grasp, simulation or m3 (all).

    Args:
        stack: which nodes.
        config: YAML file of settings.
        set: single settings, as group.name=value, for instance scan.max_frames=500.
        namespace: of all nodes and topics of one robot, for instance robot1; TF is then
            /robot1/tf.
        use_sim_time: take the time from /clock.
        autostart: configure and activate the nodes; otherwise by `ros2 lifecycle set`.
        log_level: least severity that nodes log.
    """
    require_ros()
    from m3_ros.nodes.stack import ros_arguments, run_stack

    arguments = ros_arguments(namespace, use_sim_time, autostart, log_level)
    return run_stack(stack, config, set, arguments)


@app.command
def grasp(
    text: Positional[str],
    dry_run: bool = False,
    place: bool = False,
    release_first: bool = False,
    accept_uncertain: bool = False,
    stop_on_exit: bool = False,
    namespace: str = "",
) -> int:
    """Find, grasp and lift an object with the running stack.

    Args:
        text: what to grasp, for instance "yellow bath duck".
        dry_run: plan only; nothing moves.
        place: put it back where it stood instead of holding it.
        release_first: let go of what the gripper holds, where it is.
        accept_uncertain: grasp the likeliest object where it is UNCERTAIN that it is the one.
        stop_on_exit: stop the arm when this command is killed; otherwise the goal goes on then.
            It must run on the grasp node's machine.
        namespace: of the robot's nodes, where they have one.
    """
    require_ros()
    from m3_ros.nodes.grasp_client import send_grasp_goal

    return send_grasp_goal(
        text, dry_run, place, release_first, stop_on_exit, namespace, accept_uncertain
    )


@app.command
def place(
    surface: Positional[str] = "table",
    at: tuple[float, float, float] | None = None,
    frame: str = "map",
    stop_on_exit: bool = False,
    namespace: str = "",
) -> int:
    """Put down what the gripper holds, on a free spot or at a point.

    Args:
        surface: on which a free spot is searched: "table" is the largest level surface within
            reach, other names are found by a query.
        at: x, y, z in m on which the object is to stand, instead of a free spot.
        frame: of that point.
        stop_on_exit: stop the arm when this command is killed; otherwise the goal goes on then.
            It must run on the grasp node's machine.
        namespace: of the robot's nodes, where they have one.
    """
    require_ros()
    from m3_ros.nodes.grasp_client import send_place_goal

    return send_place_goal(surface, at, frame, stop_on_exit, namespace)


@app.command
def release(namespace: str = "") -> int:
    """Open the jaws where they are, to hand over what they hold; the arm does not move.

    Args:
        namespace: of the robot's nodes, where they have one.
    """
    require_ros()
    from m3_ros.nodes.grasp_client import send_release_goal

    return send_release_goal(namespace)


@app.command
def stow(posture: str = "home", stop_on_exit: bool = False, namespace: str = "") -> int:
    """Fold the arm; the jaws keep what they hold.

    Args:
        posture: name of a posture in the robot's file.
        stop_on_exit: stop the arm when this command is killed; otherwise the goal goes on then.
            It must run on the grasp node's machine.
        namespace: of the robot's nodes, where they have one.
    """
    require_ros()
    from m3_ros.nodes.grasp_client import send_stow_goal

    return send_stow_goal(posture, stop_on_exit, namespace)


@bench.command(name="load")
def bench_load(
    memory: Positional[Path],
    clients: int = 50,
    queries: int = 1000,
    minutes: float = 10.0,
    json: Path | None = None,
) -> int:
    """Load the nodes: many clients at once, many queries in a row, a long scan at 30 Hz.

    Args:
        memory: a memory folder, which is asked for "box".
        clients: queries at once; each must have an answer, or BUSY, within 5 s.
        queries: queries in a row, after which memory and handles of the node must be as before.
        minutes: of the scan, which must lose no keyframe.
        json: file for the figures.
    """
    require_ros()
    from m3_ros.nodes.bench_load import run

    run(memory, clients, queries, minutes, json)
    return OK
