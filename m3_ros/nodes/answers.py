"""Answers of the query stage as messages: the service's response, markers, clouds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from m3_ros.geometry import se3
from m3_ros.nodes.conversions import pose_message, pose_stamped, vector_message
from m3_ros.nodes.images import cloud_message, image_message, pack_rgb
from m3_ros.srv import Query

if TYPE_CHECKING:
    from sensor_msgs.msg import PointCloud2

    from m3_ros.memory.spatial_memory import SpatialMemory
    from m3_ros.query.localize import Detection, QueryResult

SH_C0 = 0.28209479177387814  # value of the zeroth spherical harmonic
LABEL_HEIGHT = 0.03  # m
OTHERS, BEST = (1.0, 0.7, 0.0, 0.4), (0.1, 0.9, 0.2, 0.5)  # rgba


def fill_response(
    response: Query.Response, result: QueryResult, head: Header, camera: Header
) -> None:
    """Write what was found into the service's response.

    Args:
        response: to be filled.
        result: what the query stage says.
        head: memory frame and the time of the confirming image.
        camera: header of the heat map.
    """
    response.status = getattr(Query.Response, result.status)
    response.error_msg = result.message
    for detection in result.detections:
        pose = se3(detection.box.rotation, detection.box.center)
        response.targets.append(pose_stamped(head.frame_id, head.stamp, pose))
        response.sizes.append(vector_message(detection.box.size))
        response.labels.append(detection.label)
        response.scores.append(float(detection.score))
        response.visible.append(bool(detection.visible))
        response.points.append(cloud_message(detection.points, head))
    if result.heatmap is not None:
        response.heatmap = image_message(result.heatmap.astype(np.float32), "32FC1", camera)


def markers_message(detections: Sequence[Detection], head: Header) -> MarkerArray:
    """Boxes and labels for RViz; they replace those of the query before."""
    markers = [Marker(header=head, action=Marker.DELETEALL)]
    for index, detection in enumerate(detections):
        color = ColorRGBA(**dict(zip("rgba", OTHERS if index else BEST, strict=True)))
        box = Marker(header=head, ns="box", id=index, type=Marker.CUBE, color=color)
        box.pose = pose_message(se3(detection.box.rotation, detection.box.center))
        box.scale = vector_message(detection.box.size)
        label = Marker(header=head, ns="label", id=index, type=Marker.TEXT_VIEW_FACING)
        label.pose = pose_message(se3(np.eye(3), detection.box.center + [0.0, 0.0, 0.08]))
        label.scale.z = LABEL_HEIGHT
        label.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
        label.text = f"{detection.label} {detection.score:.2f}"
        markers += [box, label]
    return MarkerArray(markers=markers)


def gaussians_message(memory: SpatialMemory, head: Header) -> PointCloud2:
    """The memory's Gaussians as coloured points with their opacity."""
    gaussians = memory.gaussians
    colors = (gaussians.sh0[:, 0].detach().numpy() * SH_C0 + 0.5).clip(0.0, 1.0)
    fields = {
        "rgb": pack_rgb((colors * 255.0).round().astype(np.uint8)),
        "opacity": gaussians.opacities.detach().sigmoid().numpy(),
    }
    return cloud_message(gaussians.means.detach().numpy(), head, fields)
