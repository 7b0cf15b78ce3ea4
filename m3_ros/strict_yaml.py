"""YAML without its surprises: what a reader would not expect is refused by line.

Refused are duplicate keys, numbers of YAML 1.1 that read as others (010 as 8, 1:30 as 90,
1_0 as 10), keys that are no text, aliases that multiply or contain themselves, and files that are
too large or too deeply nested.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_CHARACTERS = 1 << 18
"""Largest text: twenty times that of `config/m3.yaml`; it takes seconds to read."""
MAX_NODES = 100_000
"""Most values of a text after its aliases are replaced by what they name."""


class StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader, with the refusals of this module."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[int, int] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node; counts its values, those of aliases again each time."""
        alias = self.check_event(yaml.AliasEvent)
        mark = self.peek_event().start_mark
        node = super().compose_node(parent, index)
        if alias:
            if id(node) not in self._sizes:
                raise yaml.composer.ComposerError(
                    None, None, "an alias must not stand inside what it names", mark
                )
            return node
        children = node.value if isinstance(node, yaml.CollectionNode) else ()
        flat = (each for item in children for each in (item if type(item) is tuple else (item,)))
        self._sizes[id(node)] = size = 1 + sum(self._sizes[id(each)] for each in flat)
        if size > MAX_NODES:
            raise yaml.composer.ComposerError(
                None, None, f"it has more than {MAX_NODES} values with its aliases", mark
            )
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        """Return a mapping whose keys are texts, each once."""
        seen = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or key.tag not in (
                "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
            ):  # fmt: skip
                raise self._error(key, f"key {name or '[...]'} must be a text; quote it")
            if name in seen:
                raise self._error(key, f"key {name} stands there twice; keep one")
            seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_number(self, node: Any) -> int | float:
        """Return a number that reads as it is written."""
        text = node.value.lstrip("+-").lower()
        leading_zero = len(text) > 1 and text[0] == "0" and text.isdigit()
        if ":" in text or "_" in text or leading_zero:
            raise self._error(
                node, f"{node.value} is another number in YAML; write it plainly or quote it"
            )
        try:
            if node.tag.endswith(":int"):
                return self.construct_yaml_int(node)
            return self.construct_yaml_float(node)
        except ValueError as error:  # more digits than Python converts
            raise self._error(node, f"a number of {len(text)} digits is too long") from error

    def _error(self, node: Any, problem: str) -> yaml.YAMLError:
        return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


# YAML 1.1 takes 1e-2 and 1.0e2 for texts, as they lack a point or a sign; ROS and YAML 1.2 do not.
StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$", re.ASCII),
    list("-+.0123456789"),
)
for tag in ("int", "float"):
    StrictLoader.add_constructor(f"tag:yaml.org,2002:{tag}", StrictLoader.construct_number)


def parse_yaml(text: str) -> object:
    """Return the content of a YAML text; None when it is empty.

    Raises:
        ValueError: it is no YAML, or holds one of the surprises; the message names the line.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it has {len(text)} characters; it must have at most {MAX_CHARACTERS}")
    try:
        return yaml.load(text, StrictLoader)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{where}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
        raise ValueError(" ".join(str(error).split()) or repr(error)) from error
