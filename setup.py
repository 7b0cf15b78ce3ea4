"""`pip install` of the ROS-free library; ROS 2 workspaces build with CMakeLists.txt instead."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from setuptools import Distribution, find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
DATA_FOLDERS = ("config", "mjcf", "urdf")


def names(requirements: str) -> list[str]:
    """The packages of a file in requirements/, without their versions."""
    pins = (ROOT / "requirements" / requirements).read_text()
    return re.findall(r"^(\w[\w-]*)==", pins, flags=re.MULTILINE)


class BuildWithRasterizer(build_py):
    """Compiles src/ into m3_ros/splat/_native before the package's files are collected."""

    def run(self) -> None:
        if not self.editable_mode:
            build = ["cmake", "-S", "src", "-B", "build/native"]
            subprocess.run(build, cwd=ROOT, check=True)
            subprocess.run(["cmake", "--build", "build/native"], cwd=ROOT, check=True)
        super().run()


class PlatformDistribution(Distribution):
    """A wheel of one platform: it holds compiled libraries."""

    def has_ext_modules(self) -> bool:
        return True


def data_files() -> list[tuple[str, list[str]]]:
    """Robot models and settings, installed as share/m3_ros/..., where a ROS prefix has them."""
    folders = {path.parent for name in DATA_FOLDERS for path in (ROOT / name).rglob("*.*")}
    return [
        (
            f"share/m3_ros/{folder.relative_to(ROOT)}",
            [str(path.relative_to(ROOT)) for path in sorted(folder.iterdir()) if path.is_file()],
        )
        for folder in sorted(folders)
    ]


setup(
    name="m3_ros",
    version=ElementTree.parse(ROOT / "package.xml").findtext("version"),
    description="3D spatial multimodal memory for a robot",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=("m3_ros", "m3_ros.*")),
    package_data={"m3_ros": ["**/*.json", "**/*.safetensors", "**/*.md", "splat/_native/*"]},
    data_files=data_files(),
    install_requires=names("core.txt"),
    extras_require={"models": names("models.txt")},
    entry_points={"console_scripts": ["m3 = m3_ros.cli.start:main"]},
    cmdclass={"build_py": BuildWithRasterizer},
    distclass=PlatformDistribution,
)
