"""The page of a memory: its Gaussians, keyframes, surfaces and objects; requests and clicks."""

from __future__ import annotations

import io
import threading
from contextlib import ExitStack
from functools import cached_property

import numpy as np
import viser
from numpy.typing import NDArray
from PIL import Image as Pictures

from m3_ros.capture.scan import Scan
from m3_ros.errors import M3Error
from m3_ros.geometry import scale_intrinsics
from m3_ros.memory.queries import View
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.query.answer import Localizer
from m3_ros.query.inventory import Inventory, InventoryObject
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.sightings import sightings
from m3_ros.query.surfaces import plane_points
from m3_ros.types import Array, Image
from m3_ros.view.memory import keyframe_picture
from m3_ros.view.page import probe
from m3_ros.view.page.server import PageServer, set_view, up_of
from m3_ros.view.page.shapes import (
    FRUSTUM,
    add_box,
    add_folder,
    add_keyframe,
    add_plane,
    with_colors,
)
from m3_ros.view.page.splats import COLOR, RELEVANCY, colors, covariances, quantities
from m3_ros.view.page.words import answer_html, click_html, notice_html, refusal_html

PICTURE_WIDTH = 160  # px, of a keyframe's picture on the page
TARGET, OBJECT = (60, 255, 90), (200, 200, 200)
CLOSE = 2.5
"""Distance of the camera from an answer, in diagonals of its box: it fills a third of the view."""
MAX_WAITING = 8
"""Requests that wait for an answer; each takes up to a few seconds."""
TRACES = 3  # components that a click names, of each model


class MemoryPage:
    """Shows a memory on a page and answers what is typed or clicked there.

    Args:
        server: whose page is filled.
        memory: that is shown.
        localizer: answers requests; None for a memory whose models understand no text.
        scan: that the memory was built from, for the camera's pictures.

    Attributes:
        relevancy: `[N]` probability of every Gaussian for the last request; None before it.
    """

    def __init__(
        self,
        server: PageServer,
        memory: SpatialMemory,
        localizer: Localizer | None,
        scan: Scan | None = None,
    ) -> None:
        self._server, self._memory, self._localizer, self._scan = server, memory, localizer, scan
        self._lock, self._waiting = threading.Lock(), threading.BoundedSemaphore(MAX_WAITING)
        self.relevancy: NDArray[np.float32] | None = None
        poses = np.array([view.camtoworld for view in memory.views])
        middle = poses[len(poses) // 2]
        set_view(server, middle, memory.working_distance, up_of(poses, memory.metric))
        self._eye = middle[:3, 3]
        self._opacities = memory.gaussians.opacities.sigmoid().numpy()
        self._splats = server.scene.add_gaussian_splats(
            "/gaussians",
            memory.gaussians.means.numpy(),
            covariances(memory.gaussians),
            colors(memory, COLOR, self._eye),
            self._opacities[:, None],
        )
        self._add_controls()
        server.scene.on_click()(self._click)

    def _add_controls(self) -> None:
        gui, memory = self._server.gui, self._memory
        unit = "m" if memory.metric else "units that are not metres"
        told = f"{memory.frames} keyframes, {len(memory.gaussians)} Gaussians, "
        gui.add_html(notice_html(f"{told}{', '.join(memory.models)}; in {unit}"))
        if self._localizer is not None:
            with gui.add_form(None) as form:
                self._text = gui.add_text("Find", "", hint="for instance: yellow bath duck")
                gui.add_button("Find").on_click(lambda event: self.ask(event.client))
            form.on_submit(lambda event: self.ask(event.client))
            upload = gui.add_upload_button("Find what a picture shows", mime_type="image/*")
            upload.on_upload(lambda event: self._ask_picture(event.client, upload.value.content))
        self.answer = gui.add_html("")
        self._quantity = gui.add_dropdown("Show", quantities(memory), initial_value=COLOR)
        self._quantity.on_update(self._recolor)
        folders = {
            "Keyframes": ("/keyframes", True),
            "Objects": ("/objects", False),
            "Surfaces": ("/surfaces", False),
            "Axes": ("/frame", True),
        }
        self._shown = {
            label: add_folder(self._server, label, *folder) for label, folder in folders.items()
        }
        gui.add_button("Screenshot").on_click(self._screenshot)

    def fill(self) -> None:
        """Add what takes longer than the Gaussians: keyframes with pictures, objects, surfaces."""
        memory, scene = self._memory, self._server.scene
        length = FRUSTUM * memory.working_distance
        scene.add_frame(
            "/frame/axes",
            axes_length=2 * length,
            axes_radius=length / 20,
            origin_radius=length / 10,
        )
        scene.add_label("/frame/name", memory.frame_id)
        for index, view in enumerate(memory.views):
            add_keyframe(self._server, index, view, length, self._picture(view))
        if self._localizer is None:
            return
        with self._lock:
            objects, segments = self._objects, self._localizer.segments
        for index, each in enumerate(objects):
            add_box(self._server, f"/objects/{index}", each.box, OBJECT, each.name)
        for index, plane in enumerate(segments.planes):
            points = self._localizer.scale * plane_points(plane, segments.solid)
            add_plane(self._server, f"/surfaces/{index}", plane, points)

    @cached_property
    def _objects(self) -> tuple[InventoryObject, ...]:
        return tuple(Inventory(self._localizer))

    def _picture(self, view: View) -> Image:
        factor = min(1.0, PICTURE_WIDTH / view.width)
        if self._scan is not None:
            step = max(1, round(1 / factor))
            return keyframe_picture(self._memory, view, self._scan)[::step, ::step]
        size = max(1, round(factor * view.width)), max(1, round(factor * view.height))
        K = scale_intrinsics(view.K, size[0] / view.width, size[1] / view.height)
        return np.uint8(255 * self._memory.render(view.camtoworld, K, size))

    def ask(self, client: viser.ClientHandle | None) -> None:
        """Answer the request in the text box; the camera of the client flies to the answer."""
        self._locate(client, self._text.value)

    def _ask_picture(self, client: viser.ClientHandle | None, content: bytes) -> None:
        try:
            with Pictures.open(io.BytesIO(content)) as picture:
                picture.draft("RGB", (1280, 1280))
                self._locate(client, np.asarray(picture.convert("RGB")))
        except (OSError, ValueError, Pictures.DecompressionBombError) as error:
            self.answer.content = refusal_html(f"that is no picture that can be read: {error}")

    def _locate(self, client: viser.ClientHandle | None, request: str | Image) -> None:
        if not self._waiting.acquire(blocking=False):
            self.answer.content = refusal_html(f"{MAX_WAITING} requests wait already; try again")
            return
        with ExitStack() as held:
            held.callback(self._waiting.release)
            held.enter_context(self._lock)
            try:
                result = self._localizer.locate(request)
            except M3Error as error:
                self.answer.content = refusal_html(str(error))
                return
            self._show(result)
        there = client is not None and client.client_id in self._server.get_clients()
        if there and result.targets:
            self._shown["Keyframes"].value = False  # they would stand before the answer
            self._fly(client, result.targets[0])

    def _show(self, result: QueryResult) -> None:
        self._server.scene.remove_by_name("/answer")
        for index, target in enumerate(result.targets):
            label = f"{target.label} {target.score:.2f}"
            add_box(self._server, f"/answer/{index}", target.box, TARGET, label)
        self.answer.content = answer_html(result, self._memory.metric)
        self.relevancy = result.probabilities
        self._quantity.value = COLOR if self.relevancy is None else RELEVANCY
        self._recolor()

    def _recolor(self, event: viser.GuiEvent | None = None) -> None:
        if event is not None and event.client is not None:
            self._eye = np.array(event.client.camera.position)
        shown = colors(self._memory, self._quantity.value, self._eye, self.relevancy)
        self._splats.buffer = with_colors(self._splats.buffer, shown, self._opacities)

    def _fly(self, client: viser.ClientHandle, target: TargetObject) -> None:
        seen = sightings(self._memory, target.points, self._localizer.touch)
        eye = seen[0].view.camtoworld[:3, 3] if seen else self._eye
        center, diagonal = target.box.center, float(np.linalg.norm(target.box.size))
        away = (eye - center) / max(float(np.linalg.norm(eye - center)), 1e-9)
        with client.atomic():
            client.camera.position = center + CLOSE * diagonal * away
            client.camera.look_at = center

    def _click(self, event: viser.SceneClickEvent) -> None:
        origin, direction = np.array(event.ray_origin), np.array(event.ray_direction)
        self.answer.content = self.describe_ray(origin, direction)

    def describe_ray(self, origin: Array, direction: Array) -> str:
        """Return HTML on what a ray of the memory's frame meets first."""
        pose = probe.along(origin, direction)
        with self._lock:
            point = probe.hit(self._memory, pose)
            if point is None:
                return click_html(None, None, {}, self._memory)
            named = None
            if self._localizer is not None:
                named = probe.object_at(self._objects, point, self._localizer.touch)
            traces = {
                name: self._memory.trace(name, pose, probe.PIXEL, (0, 0), TRACES)
                for name in self._memory.models
            }
        return click_html(point, named, traces, self._memory)

    def _screenshot(self, event: viser.GuiEvent) -> None:
        client = event.client
        shown = client.get_render(client.camera.image_height, client.camera.image_width)
        stored = io.BytesIO()
        Pictures.fromarray(shown).convert("RGB").save(stored, "PNG")
        client.send_file_download("memory.png", stored.getvalue())
