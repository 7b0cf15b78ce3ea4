"""What a page draws beside the Gaussians: keyframes, boxes, planes, frames."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import viser
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, Delaunay, QhullError

from m3_ros.geometry import matrix_to_quat
from m3_ros.memory.queries import View
from m3_ros.query.planes import Plane
from m3_ros.query.shape import OrientedBox
from m3_ros.types import Array, Image

FRUSTUM = 0.03
"""Length of a keyframe's frustum as a share of the working distance: 60 on a ring stay apart."""
EDGES = np.array([(a, b) for a, b in combinations(range(8), 2) if (a ^ b).bit_count() == 1])
"""Corners of `OrientedBox.corners` that are joined."""
PLANE_COLOR, PLANE_OPACITY = (120, 160, 255), 0.25
LINE = 2.0  # px, of boxes


def add_keyframe(
    server: viser.ViserServer, index: int, view: View, length: float, picture: Image
) -> None:
    """Add the frustum of a keyframe with its picture; a click looks through it."""
    orientation = matrix_to_quat(view.camtoworld[:3, :3])
    handle = server.scene.add_camera_frustum(
        f"/keyframes/{index}",
        fov=float(2 * np.arctan(view.height / (2 * view.K[1, 1]))),
        aspect=view.width / view.height,
        scale=length,
        thickness=LINE,
        thickness_units="screen",
        color=(90, 90, 90),
        image=picture,
        wxyz=orientation,
        position=view.camtoworld[:3, 3],
    )

    @handle.on_click
    def _(event: viser.SceneNodePointerEvent) -> None:
        with event.client.atomic():
            event.client.camera.position = view.camtoworld[:3, 3]
            event.client.camera.look_at = view.camtoworld[:3, 3] + length * view.camtoworld[:3, 2]


def add_box(
    server: viser.ViserServer,
    name: str,
    box: OrientedBox,
    color: tuple[int, int, int],
    label: str,
) -> None:
    """Add the edges of a box and a label over it, both below `name`."""
    server.scene.add_line_segments(
        f"{name}/edges",
        box.corners()[EDGES].astype(np.float32),
        color,
        thickness=LINE,
        thickness_units="screen",
    )
    top = box.center + box.rotation[:, 2] * box.size[2] / 2
    server.scene.add_label(f"{name}/label", label, position=top, anchor="bottom-center")


def add_plane(server: viser.ViserServer, name: str, plane: Plane, points: Array) -> None:
    """Add the hull of points `[M, 3]` of a plane as a translucent sheet; nothing if too few."""
    _, _, axes = np.linalg.svd(np.eye(3) - np.outer(plane.normal, plane.normal))
    flat = points @ axes[:2].T
    try:
        corners = ConvexHull(flat).vertices
    except (QhullError, ValueError):
        return
    server.scene.add_mesh_simple(
        name,
        points[corners].astype(np.float32),
        Delaunay(flat[corners]).simplices.astype(np.uint32),
        color=PLANE_COLOR,
        opacity=PLANE_OPACITY,
        side="double",
    )


def add_folder(
    server: viser.ViserServer, label: str, name: str, shown: bool
) -> viser.GuiCheckboxHandle:
    """Return a checkbox that shows and hides the scene node of a name and all below it."""
    node = server.scene.add_frame(name, show_axes=False, visible=shown)
    box = server.gui.add_checkbox(label, shown)

    @box.on_update
    def _(_: object) -> None:
        node.visible = box.value

    return box


def with_colors(
    buffer: NDArray[np.uint32], colors: NDArray[np.uint8], opacities: NDArray[np.float32]
) -> NDArray[np.uint32]:
    """Return viser's buffer of N Gaussians `[N, 8]` with other colours `[N, 3]`."""
    alpha = np.uint8(np.rint(255 * opacities))[:, None]
    changed = buffer.copy()
    changed[:, 7] = np.ascontiguousarray(np.hstack([colors, alpha])).view(np.uint32)[:, 0]
    return changed
