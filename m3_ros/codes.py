"""Statuses and error codes of services and actions; the constants of the interfaces equal these.

`test/test_codes.py` compares every member with the constant of the same name in `msg/`, `srv/` and
`action/`.
"""

from __future__ import annotations

from enum import IntEnum


class QueryStatus(IntEnum):
    """What a query came to, or how a target was verified (`msg/QueryStatus.msg`)."""

    UNKNOWN = 0  # no answer: the error code and message say why
    FOUND = 1  # targets[0] is what was asked for
    NOT_FOUND = 2  # nothing in the memory fits
    AMBIGUOUS = 3  # several objects fit about equally; all are listed
    STALE = 4  # the camera shows that the object is no longer where it was
    NO_DEPTH = 5  # the object is in view, but the camera measures no depth there
    OUT_OF_VIEW = 6  # found in the memory; the camera does not see that place now
    UNCERTAIN = 7  # whether it is there cannot be decided; the places are listed, likeliest first


class QueryErrorCode(IntEnum):
    """Why a query or a question has no answer (`srv/Query.srv`, `srv/Describe.srv`)."""

    NONE = 0
    INVALID_QUERY = 1  # empty, too long, or an unreadable image
    NO_MEMORY = 2  # no memory is loaded
    FAILED = 3  # anything else; the message says what
    NOT_ACTIVE = 4  # the node is not active: `ros2 lifecycle set` activates it
    BUSY = 5  # too many queries wait; ask again later


class LoadErrorCode(IntEnum):
    """Why a memory was not loaded (`srv/LoadMemory.srv`)."""

    NONE = 0
    NO_MEMORY = 1  # the folder holds no memory
    INVALID_MEMORY = 2  # damaged, newer than this program, or of other model weights
    NOT_ACTIVE = 3  # the node is not active
    BUSY = 4  # too many queries wait; load it again later


class ScanErrorCode(IntEnum):
    """Why a scan was not started or gave nothing (`srv/StartScan.srv`, `srv/StopScan.srv`)."""

    NONE = 0
    ALREADY_RECORDING = 1  # a scan is in progress
    NOT_RECORDING = 2  # no scan is in progress
    NO_FRAMES = 3  # no valid frame: no image, depth or transform, or no keyframe
    FAILED = 4  # anything else, e.g. the folder cannot be written
    NOT_ACTIVE = 5  # the node is not active


class BuildErrorCode(IntEnum):
    """Why a build wrote no memory (`action/BuildMemory.action`)."""

    NONE = 0
    INVALID_SCAN = 1  # the folder is missing, damaged or has no frames
    CANCELLED = 2  # nothing was written
    FAILED = 3  # anything else; the message says what


class ScanMotionErrorCode(IntEnum):
    """Why a scan motion did not visit its viewpoints (`action/ScanMotion.action`)."""

    NONE = 0
    UNREACHABLE = 1  # too few viewpoints within reach, or too many turned out blocked
    EXECUTION_FAILED = 2  # the arm did not follow
    CANCELLED = 3  # stopped on request
    HOLDING = 4  # the gripper holds something; put it down first


class GraspErrorCode(IntEnum):
    """Why a grasp failed (`action/Grasp.action`)."""

    NONE = 0
    NO_MEMORY = 1  # no memory is loaded
    NOT_FOUND = 2  # nothing fits the text
    AMBIGUOUS = 3  # several objects fit about equally
    STALE = 4  # the object is no longer where it was
    NO_DEPTH = 5  # no depth on the object, or no camera
    UNREACHABLE = 6  # out of reach; the message says how far to move the base
    NO_GRASP = 7  # no collision-free grasp exists
    PLAN_FAILED = 8  # a grasp exists, no safe motion to it
    EXECUTION_FAILED = 9  # the arm did not follow, or the object slipped
    CANCELLED = 10  # stopped on request
    HOLDING = 11  # the gripper holds something, and release_first is false
    NOT_METRIC = 12  # the memory has no metric scale; `m3 align` gives it one
    UNCERTAIN = 13  # whether the object is there cannot be decided, and accept_uncertain is false


class PlaceErrorCode(IntEnum):
    """Why a held object was not put down (`action/Place.action`)."""

    NONE = 0
    NOTHING_HELD = 1  # the gripper holds nothing
    NO_SPACE = 2  # no free spot, or no such surface
    UNREACHABLE = 3  # out of the arm's reach; still held
    PLAN_FAILED = 4  # no collision-free motion there; still held
    EXECUTION_FAILED = 5  # a motion failed; the message says where the object is
    CANCELLED = 6  # stopped on request
    NOT_METRIC = 7  # the surface is of a memory without a scale; `m3 align` gives it one


class MoveErrorCode(IntEnum):
    """Why jaws or arm did not move (`action/Release.action`, `action/Stow.action`)."""

    NONE = 0
    PLAN_FAILED = 1  # no such posture, or no collision-free motion to it
    EXECUTION_FAILED = 2  # jaws or arm did not follow
    CANCELLED = 3  # stopped on request
