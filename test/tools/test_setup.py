"""What tools/setup.sh installs and when it builds."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bash(command, folder=ROOT):
    command = f"source {ROOT}/tools/setup_inputs.sh; {command}"
    run = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


def versions():
    lines = (ROOT / "requirements/core.txt").read_text().splitlines()
    names = [line.split()[0].split("==") for line in lines if line.startswith("torch")]
    assert len(names) == 2
    return names


def test_torch_index_gives_the_build_of_a_local_folder(tmp_path):
    for name, version in versions():
        info = f"{name}-{version}+cpu.dist-info"
        with zipfile.ZipFile(tmp_path / f"{name}-{version}+cpu-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/version.py", "cuda = None")
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}+cpu\n"
            wheel.writestr(f"{info}/METADATA", f"{text}Requires-Dist: nowhere\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    arguments = bash(f"torch_arguments {tmp_path}").split()
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    subprocess.run([*pip, "--target", tmp_path / "site", *arguments], check=True)
    for name, version in versions():
        assert (tmp_path / "site" / name / "version.py").read_text() == "cuda = None"
        assert (tmp_path / "site" / f"{name}-{version}+cpu.dist-info").is_dir()


def test_torch_index_may_be_an_address():
    found = bash("torch_arguments https://example.org/whl/cpu").split()
    wanted = ["==".join(each) for each in versions()]
    assert found == ["--index-url", "https://example.org/whl/cpu", *wanted]


@pytest.fixture
def sources(tmp_path):
    """A copy of what the build reads, less most Python files."""
    for name in ["src", "msg", "srv", "action", "scripts", "launch", "config", "urdf", "mjcf"]:
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("CMakeLists.txt", "package.xml", "setup.py", "m3_ros/config.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "tools/bare_ros").mkdir(parents=True)
    return tmp_path


def test_what_is_compiled_or_new_is_built_again(sources):
    known = [bash("build_inputs", sources)]
    (sources / "m3_ros/config.py").write_text("changed, and linked")
    (sources / "scan.png").write_text("of the user")
    assert bash("build_inputs", sources) == known[0]
    (sources / "m3_ros/new.py").write_text("")
    known.append(bash("build_inputs", sources))
    (sources / "CMakeLists.txt").write_text("changed")
    known.append(bash("build_inputs", sources))
    (sources / "msg/New.msg").write_text("int32 x")
    known.append(bash("build_inputs", sources))
    assert len(set(known)) == 4
