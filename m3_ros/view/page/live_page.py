"""The page of a running robot: what it sees, remembers, answers, does and lacks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import viser
from numpy.typing import NDArray

from m3_ros.geometry import matrix_to_quat
from m3_ros.types import Array, Image
from m3_ros.view.page.robot_shapes import Shape
from m3_ros.view.page.server import PageServer
from m3_ros.view.page.words import lamps_html, notice_html

COARSE, FINE = 5_000, 60_000
"""Points of a memory that are sent first, and in all: 18 bytes each, so that over 100 kB/s the
first are there after 1 s."""
POINT = 0.006  # m
PICTURE_WIDTH = 320  # px; a JPEG of 15 kB
JPEG_QUALITY = 70  # of 100
FRUSTUM = 0.08  # m, of the camera
MOVED = 1e-4
"""Change of an element of a pose, m or rad, from which it is sent: an encoder's noise is less."""


class Orders(Protocol):
    """What a page can have done; each returns at once and reports by `LivePage.tell`."""

    def ask(self, text: str) -> None:
        """Ask where something is."""

    def cancel(self) -> None:
        """Cancel every goal of every action."""

    def plan(self, text: str) -> None:
        """Plan a grasp without moving; success enables the confirmation."""

    def steering(self) -> Mapping[str, Callable[[], None]]:
        """Return what else moves or records, by the label of its button."""

    def grasp(self, text: str) -> None:
        """Grasp what was planned."""


class LivePage:
    """Shows what it is given; requests and buttons become orders.

    Args:
        server: whose page is filled.
        orders: receives requests.
        control: whether the page may move the robot and record.
    """

    def __init__(self, server: PageServer, orders: Orders, control: bool) -> None:
        self._server, self._orders = server, orders
        self._links: dict[str, tuple[viser.FrameHandle, Array]] = {}
        self._planned: str | None = None
        self._lock = threading.Lock()
        server.scene.set_up_direction("+z")
        server.scene.add_grid("/grid", width=6.0, height=6.0, cell_size=0.5)
        server.initial_camera.position = (-1.5, -1.5, 1.5)
        server.initial_camera.look_at = (0.5, 0.0, 0.5)
        gui = server.gui
        gui.add_button("Cancel", color="red").on_click(lambda _: orders.cancel())
        self._phases: dict[str, str] = {}
        self._phase = gui.add_html(notice_html("nothing runs"))
        with gui.add_form(None) as form:
            self._text = gui.add_text("Find", "", hint="for instance: yellow bath duck")
            gui.add_button("Find").on_click(lambda _: self._ask())
        form.on_submit(lambda _: self._ask())
        self.answer = gui.add_html("")
        if control:
            self._add_steering()
        else:
            gui.add_html(notice_html("this page looks and asks; --allow-control lets it steer"))
        self._lamps = gui.add_html(notice_html("no diagnostics yet"))
        blank = np.zeros((PICTURE_WIDTH * 3 // 4, PICTURE_WIDTH, 3), np.uint8)
        options = {"format": "jpeg", "jpeg_quality": JPEG_QUALITY}
        self._pictures = {
            name: gui.add_image(blank, label=name, **options) for name in ("Camera", "Heat map")
        }

    def _add_steering(self) -> None:
        gui, orders = self._server.gui, self._orders
        with gui.add_folder("Steer", expand_by_default=False):
            gui.add_button("Plan a grasp").on_click(lambda _: self._plan())
            self._confirm = gui.add_button("Confirm the grasp", disabled=True, color="orange")
            self._confirm.on_click(lambda _: self._grasp())
            for label, order in orders.steering().items():
                gui.add_button(label).on_click(lambda _, order=order: order())

    def _ask(self) -> None:
        self.answer.content = notice_html("asked …")
        self._orders.ask(self._text.value)

    def _plan(self) -> None:
        self._confirm.disabled = True
        self._planned = self._text.value
        self._orders.plan(self._text.value)

    def _grasp(self) -> None:
        """Grasp what was planned, once, whatever stands in the text box now."""
        with self._lock:
            planned, self._planned = self._planned, None
        self._confirm.disabled = True
        if planned is not None:
            self._orders.grasp(planned)

    def planned(self, text: str) -> None:
        """Let the plan of a grasp be confirmed."""
        if text == self._planned:
            self._confirm.disabled = False

    def tell(self, sentence: str) -> None:
        """Show an answer or a refusal."""
        self.answer.content = notice_html(sentence)

    def phase(self, action: str, stage: str | None) -> None:
        """Show what an action does; None when it has ended."""
        with self._lock:
            if stage is None:
                self._phases.pop(action, None)
            else:
                self._phases[action] = stage
            lines = [f"{action}: {stage}" for action, stage in sorted(self._phases.items())]
        self._phase.content = notice_html("; ".join(lines) or "nothing runs")

    def lamps(self, states: Mapping[str, tuple[int, str]]) -> None:
        """Show the diagnostics: a lamp for each node, and by name what is wrong there.

        Args:
            states: level 0..3 and message of each task, named "node: task".
        """
        self._lamps.content = lamps_html(states)

    def picture(self, name: str, picture: Image) -> None:
        """Show the newest picture of "Camera" or "Heat map"."""
        step = max(1, round(picture.shape[1] / PICTURE_WIDTH))
        self._pictures[name].image = np.ascontiguousarray(picture[::step, ::step])

    def robot(self, shapes: list[Shape]) -> None:
        """Draw the robot; `poses` moves it."""
        scene = self._server.scene
        scene.remove_by_name("/robot")
        self._links = {}
        for index, shape in enumerate(shapes):
            if shape.link not in self._links:
                frame = scene.add_frame(f"/robot/{shape.link}", show_axes=False, visible=False)
                self._links[shape.link] = frame, np.zeros((4, 4))
            add = {
                "box": scene.add_box,
                "cylinder": scene.add_cylinder,
                "sphere": scene.add_icosphere,
            }
            names = {
                "box": ("dimensions",),
                "cylinder": ("radius", "height"),
                "sphere": ("radius",),
            }
            size = (shape.size,) if shape.kind == "box" else shape.size
            add[shape.kind](
                f"/robot/{shape.link}/{index}",
                color=shape.color,
                wxyz=matrix_to_quat(shape.pose[:3, :3]),
                position=shape.pose[:3, 3],
                **dict(zip(names[shape.kind], size, strict=True)),
            )

    @property
    def links(self) -> list[str]:
        """Frames whose poses are drawn."""
        return list(self._links)

    def pose(self, link: str, pose: Array) -> None:
        """Move a link to a pose `[4, 4]` of the world frame."""
        frame, last = self._links[link]
        if np.abs(pose - last).max() < MOVED:
            return
        self._links[link] = frame, pose
        with self._server.atomic():
            frame.wxyz, frame.position = matrix_to_quat(pose[:3, :3]), pose[:3, 3]
            frame.visible = True

    def camera(self, pose: Array, K: Array, size: tuple[int, int]) -> None:
        """Draw the camera's frustum; its picture has `size` (width, height) px."""
        self._server.scene.add_camera_frustum(
            "/camera",
            fov=float(2 * np.arctan(size[1] / (2 * K[1, 1]))),
            aspect=size[0] / size[1],
            scale=FRUSTUM,
            wxyz=matrix_to_quat(pose[:3, :3]),
            position=pose[:3, 3],
        )

    def memory(self, points: NDArray[np.float32], colors: NDArray[np.uint8]) -> None:
        """Draw the memory's points `[N, 3]`, m, and colours `[N, 3]`: some at once, then more."""
        order = np.random.default_rng(0).permutation(len(points))
        self._server.scene.remove_by_name("/memory")
        for name, part in (("coarse", order[:COARSE]), ("fine", order[COARSE:FINE])):
            self._server.scene.add_point_cloud(
                f"/memory/{name}", points[part], colors[part], point_size=POINT
            )

    def boxes(self, boxes: list[tuple[Array, Array, str]]) -> None:
        """Draw the answer: pose `[4, 4]`, size `[3]` and label of each object, the best first."""
        scene = self._server.scene
        scene.remove_by_name("/answer")
        for index, (pose, size, label) in enumerate(boxes):
            scene.add_box(
                f"/answer/{index}",
                color=(255, 180, 0) if index else (60, 255, 90),
                dimensions=size,
                wireframe=True,
                wxyz=matrix_to_quat(pose[:3, :3]),
                position=pose[:3, 3],
            )
            scene.add_label(f"/answer/{index}/label", label)

    def motion(
        self, lines: list[tuple[Array, tuple[int, int, int]]], texts: list[tuple[str, Array]]
    ) -> None:
        """Draw what the arm will do: lines `[K, 2, 3]` with a colour, texts at places `[3]`."""
        scene = self._server.scene
        scene.remove_by_name("/motion")
        for index, (pairs, color) in enumerate(lines):
            scene.add_line_segments(f"/motion/line{index}", pairs.astype(np.float32), color)
        for index, (text, place) in enumerate(texts):
            scene.add_label(f"/motion/text{index}", text, position=place)

    def target(self, pose: Array) -> None:
        """Draw the pose `[4, 4]` that a grasp is aimed at."""
        self._server.scene.add_frame(
            "/target",
            axes_length=0.08,
            axes_radius=0.003,
            wxyz=matrix_to_quat(pose[:3, :3]),
            position=pose[:3, 3],
        )
