"""Answers of the query stage as messages: the service's response and the /m3/... topics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import ColorRGBA, Header
from vision_msgs.msg import Detection3DArray
from visualization_msgs.msg import Marker, MarkerArray

from m3_ros.capture.frame import RgbdFrame
from m3_ros.codes import QueryStatus
from m3_ros.geometry import se3
from m3_ros.memory.spatial_memory import SpatialMemory
from m3_ros.msg import QueryStatus as QueryStatusMessage
from m3_ros.msg import TargetObject as TargetObjectMessage
from m3_ros.nodes.conversions import (
    detections_message,
    header,
    pose_message,
    pose_stamped,
    vector_message,
)
from m3_ros.nodes.images import cloud_message, image_message
from m3_ros.nodes.memory_messages import gaussians_message
from m3_ros.query.describe import Description
from m3_ros.query.inventory import Inventory
from m3_ros.query.result import QueryResult, TargetObject
from m3_ros.query.shape import position_stddev
from m3_ros.srv import Describe, Query
from m3_ros.view.overlay import draw_overlay

TOPICS = {
    "m3/grasp_target": PoseStamped,
    "m3/detections": Detection3DArray,
    "m3/heatmap": Image,
    "m3/relevancy": PointCloud2,
    "m3/markers": MarkerArray,
}
"""What is published after a query, by topic."""
LABEL_HEIGHT = 0.03  # m
OTHERS, BEST = (1.0, 0.7, 0.0, 0.4), (0.1, 0.9, 0.2, 0.5)  # rgba


@dataclass(frozen=True)
class Headers:
    """Headers of an answer: in the memory's frame, and in the camera's; both with its stamp."""

    world: Header
    camera: Header


def fill_response(
    response: Query.Response, request: Query.Request, result: QueryResult, heads: Headers
) -> None:
    """Write what was found into the service's response; points and heat map only on request."""
    response.header = heads.world
    response.status.value = result.status
    response.error_msg = result.message
    for target in result.targets:
        message = target_message(target)
        if request.with_points:
            message.points = cloud_message(target.points, heads.world)
        response.targets.append(message)
    if request.with_heatmap and result.heatmap is not None:
        response.heatmap = image_message(result.heatmap.astype(np.float32), "32FC1", heads.camera)


def fill_description(
    response: Describe.Response, inventory: Inventory, description: Description
) -> None:
    """Write sentences and the objects that they tell of into the service's response."""
    localizer = inventory.localizer
    stddev = localizer.scale * position_stddev(localizer.segments.spacing)
    response.header = header(localizer.memory.frame_id)
    response.metric = localizer.memory.metric
    response.sentences = description.sentences
    for index in description.objects:
        item = inventory[index]
        status = QueryStatus.UNCERTAIN if item.doubtful else QueryStatus.FOUND
        parts = item.id, item.name, item.score, status, item.box, stddev, False, np.zeros((0, 3))
        response.targets.append(target_message(TargetObject(*parts)))


def target_message(target: TargetObject) -> TargetObjectMessage:
    """Return one object of an answer, without its points."""
    return TargetObjectMessage(
        id=target.id,
        label=target.label,
        score=float(target.score),
        status=QueryStatusMessage(value=target.status),
        pose=pose_message(se3(target.box.rotation, target.box.center)),
        position_stddev=float(target.position_stddev),
        size=vector_message(target.box.size),
        visible=bool(target.visible),
    )


def topic_messages(
    result: QueryResult, frame: RgbdFrame | None, memory: SpatialMemory, heads: Headers
) -> dict[str, object]:
    """Return what to publish after a query, of `TOPICS`."""
    head = heads.world
    messages = {
        "m3/detections": detections_message(result.targets, head),
        "m3/markers": markers_message(result.targets, head),
    }
    if result.status is QueryStatus.FOUND:
        box = result.targets[0].box
        pose = se3(box.rotation, box.center)
        messages["m3/grasp_target"] = pose_stamped(head.frame_id, head.stamp, pose)
    if result.probabilities is not None:
        messages["m3/relevancy"] = gaussians_message(memory, head, result.probabilities)
    if frame is not None and result.heatmap is not None:
        overlay = draw_overlay(frame.rgb, result.heatmap)
        messages["m3/heatmap"] = image_message(overlay, "rgb8", heads.camera)
    return messages


def markers_message(targets: Sequence[TargetObject], head: Header) -> MarkerArray:
    """Return boxes and labels for RViz; they replace those of the query before."""
    markers = [Marker(header=head, action=Marker.DELETEALL)]
    for index, target in enumerate(targets):
        color = ColorRGBA(**dict(zip("rgba", OTHERS if index else BEST, strict=True)))
        box = Marker(header=head, ns="box", id=index, type=Marker.CUBE, color=color)
        box.pose = pose_message(se3(target.box.rotation, target.box.center))
        box.scale = vector_message(target.box.size)
        label = Marker(header=head, ns="label", id=index, type=Marker.TEXT_VIEW_FACING)
        label.pose = pose_message(se3(np.eye(3), target.box.center + [0.0, 0.0, 0.08]))
        label.scale.z = LABEL_HEIGHT
        label.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
        label.text = f"{target.label} {target.score:.2f}"
        markers += [box, label]
    return MarkerArray(markers=markers)
