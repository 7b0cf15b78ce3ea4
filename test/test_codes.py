"""The constants of the ROS interfaces are the members of the enums, each with the same value."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from m3_ros import codes

ROOT = Path(__file__).resolve().parents[1]
CONSTANT = re.compile(r"^u?int\d+ ([A-Z][A-Z_]*)\s*=\s*(\d+)", re.MULTILINE)
INTERFACES = {
    "msg/QueryStatus.msg": (codes.QueryStatus,),
    "srv/Describe.srv": (codes.QueryErrorCode,),
    "srv/LoadMemory.srv": (codes.LoadErrorCode,),
    "srv/Query.srv": (codes.QueryErrorCode,),
    "srv/StartScan.srv": (codes.ScanErrorCode,),
    "srv/StopScan.srv": (codes.ScanErrorCode,),
    "action/BuildMemory.action": (codes.BuildErrorCode,),
    "action/ScanMotion.action": (codes.ScanMotionErrorCode,),
    "action/Grasp.action": (codes.GraspErrorCode,),
    "action/Place.action": (codes.PlaceErrorCode,),
    "action/Release.action": (codes.MoveErrorCode,),
    "action/Stow.action": (codes.MoveErrorCode,),
}


@pytest.mark.parametrize("path", INTERFACES)
def test_interface_and_enum_hold_the_same_constants(path):
    constants = [(name, int(value)) for name, value in CONSTANT.findall((ROOT / path).read_text())]
    members = [(item.name, item.value) for enum in INTERFACES[path] for item in enum]
    assert constants == members


def test_every_enum_is_compared():
    enums = {item for item in vars(codes).values() if isinstance(item, type)} - {IntEnum}
    assert enums == {enum for listed in INTERFACES.values() for enum in listed}


def test_no_interface_has_constants_of_its_own():
    for path in [*ROOT.glob("msg/*"), *ROOT.glob("srv/*"), *ROOT.glob("action/*")]:
        if CONSTANT.search(path.read_text()):
            assert str(path.relative_to(ROOT)) in INTERFACES
