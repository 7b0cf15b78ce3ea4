"""Write docs/parameters.md and config/m3.yaml from the settings' own declarations.

python tools/parameter_table.py
"""

from dataclasses import fields
from pathlib import Path

import yaml

from m3_ros.config import M3Config

HEAD = """# Parameters

Made from `m3_ros/config.py` by `tools/parameter_table.py`; a test holds the two together. The same
names stand in `config/m3.yaml`, as ROS parameters of the nodes (`splat.voxel_size`) and on the
command line.
"""

FILE_HEAD = """# Every setting of m3_ros with its default, as ROS parameters.
# Made from m3_ros/config.py by tools/parameter_table.py. Copy it, keep the lines you change.
/**:
  ros__parameters:
"""


def table() -> str:
    """The page: one table a stage with type, default, unit, bounds, meaning of every setting."""
    parts = [HEAD]
    for stage in fields(M3Config):
        settings = getattr(M3Config(), stage.name)
        parts.append(f"\n## {stage.name}\n\n{type(settings).__doc__}\n")
        parts.append(
            "| name | type | default | unit | bounds | meaning |\n|---|---|---|---|---|---|"
        )
        for item in fields(settings):
            rule = item.metadata
            bounds = ", ".join(rule["choices"]) if rule["choices"] else _bounds(rule)
            default = item.default
            if isinstance(default, tuple):
                default = list(default)
            parts.append(
                f"| `{item.name}` | {type(item.default).__name__} | `{default}` | {rule['unit']} "
                f"| {bounds} | {rule['help']} |"
            )
    return "\n".join(parts) + "\n"


def settings_file() -> str:
    """The YAML file: one line a setting, with its meaning and unit behind it."""
    lines = []
    for stage in fields(M3Config):
        settings = getattr(M3Config(), stage.name)
        lines.append(f"    {stage.name}:")
        for item in fields(settings):
            default = list(item.default) if isinstance(item.default, tuple) else item.default
            value = yaml.safe_dump({item.name: default}, default_flow_style=True, width=1000)
            unit = f" [{item.metadata['unit']}]" if item.metadata["unit"] else ""
            lines.append(f"      {value.strip()[1:-1]} # {item.metadata['help']}{unit}")
    return FILE_HEAD + "\n".join(lines) + "\n"


def _bounds(rule: dict) -> str:
    low, high = rule["low"], rule["high"]
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low} … {'' if high is None else high}"


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[1]
    for name, text in (("docs/parameters.md", table()), ("config/m3.yaml", settings_file())):
        (root / name).write_text(text)
        print(f"wrote {root / name}")
