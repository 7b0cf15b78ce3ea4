"""Write docs/parameters.md from the settings' own declarations: `python tools/parameter_table.py`."""

from dataclasses import fields
from pathlib import Path

from m3_ros.config import M3Config

HEAD = """# Parameters

Made from `m3_ros/config.py` by `tools/parameter_table.py`; a test holds the two together. The same
names stand in `config/m3.yaml`, as ROS parameters of the nodes (`splat.voxel_size`) and on the
command line.
"""


def table() -> str:
    """The page: one table a stage with type, default, unit, bounds and meaning of every setting."""
    parts = [HEAD]
    for stage in fields(M3Config):
        settings = getattr(M3Config(), stage.name)
        parts.append(f"\n## {stage.name}\n\n{type(settings).__doc__}\n")
        parts.append("| name | type | default | unit | bounds | meaning |\n|---|---|---|---|---|---|")
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


def _bounds(rule: dict) -> str:
    low, high = rule["low"], rule["high"]
    if low is None and high is None:
        return ""
    return f"{'' if low is None else low} … {'' if high is None else high}"


if __name__ == "__main__":
    path = Path(__file__).resolve().parents[1] / "docs/parameters.md"
    path.write_text(table())
    print(f"wrote {path}")
