"""Schema of a bag's `metadata.yaml`, as `ros2 bag` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from msgspec import Meta, Struct

from m3_ros.capture.scan import ScanError
from m3_ros.schema import Count, Name, decode

METADATA = "metadata.yaml"


class _TopicMetadata(Struct):
    name: Name
    type: Name
    serialization_format: Annotated[str, Meta(pattern="^cdr$", description="cdr")]


class _Topic(Struct):
    message_count: Count
    topic_metadata: _TopicMetadata


class _Information(Struct):
    version: Annotated[int, Meta(ge=1, le=9, description="a whole number, 1 to 9 (Jazzy's)")]
    storage_identifier: Annotated[
        str, Meta(pattern="^(mcap|sqlite3)$", description="mcap or sqlite3")
    ]
    relative_file_paths: Annotated[
        list[Name], Meta(min_length=1, description="a list of 1 or more file names")
    ]
    message_count: Count
    topics_with_message_count: list[_Topic]


class _Metadata(Struct):
    rosbag2_bagfile_information: _Information


def read_file_names(folder: Path) -> list[str]:
    """Return the names of a bag's files.

    Raises:
        ScanError: a field of its `metadata.yaml` is missing or breaks its rule.
    """
    path = folder / METADATA
    remedy = f"`ros2 bag reindex {folder}` makes it anew"
    try:
        text = path.read_text("utf-8-sig")
        content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        metadata = decode(content, _Metadata, str(path), ScanError)
    except ScanError as error:
        raise ScanError(f"{error}; {remedy}") from error
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ScanError(f"{path} is no YAML that can be read: {reason}; {remedy}") from error
    return [Path(name).name for name in metadata.rosbag2_bagfile_information.relative_file_paths]
