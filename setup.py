"""`pip install` of the ROS-free library; ROS 2 workspaces build with CMakeLists.txt instead."""

import re
from pathlib import Path
from xml.etree import ElementTree

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
PINS = (ROOT / "requirements" / "core.txt").read_text()

setup(
    name="m3_ros",
    version=ElementTree.parse(ROOT / "package.xml").findtext("version"),
    description="3D spatial multimodal memory for a robot",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=("m3_ros", "m3_ros.*")),
    package_data={"m3_ros": ["**/*.json", "**/*.safetensors", "splat/_native/*"]},
    install_requires=re.findall(r"^(\w[\w-]*)==", PINS, flags=re.MULTILINE),
    entry_points={"console_scripts": ["m3 = m3_ros.cli:main"]},
)
