"""The family of errors that a user can cause: each is one sentence, and a kind with an exit code.

What does not belong to the family is a fault of the program. A member also keeps the built-in
class (`ValueError`, `RuntimeError`, ...) that its function documents.
"""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

MAX_SHOWN = 80
"""Longest text of a value in a message, characters: a line of a terminal."""


class Kind(IntEnum):
    """What is wrong, as the exit code of `m3`; above 64 as in the `sysexits.h` of BSD."""

    FAILED = 1
    USAGE = 2
    DATA = 65
    UNAVAILABLE = 69
    BUG = 70
    FILES = 74
    SETTINGS = 78


class M3Error(Exception):
    """Base of the family.

    Attributes:
        place: file or topic and the path of the field, "" if the message alone says it.
        value: what stands there.
        rule: what it must be.
        remedy: what to do, "" if it follows from the rule.
    """

    kind = Kind.FAILED

    def __init__(
        self, message: str = "", *, place: str = "", value: object = None, rule: str = "",
        remedy: str = "",
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.place, self.value, self.rule, self.remedy = place, value, rule, remedy

    @classmethod
    def at(cls, place: str, value: object, rule: str, remedy: str = "") -> Self:
        """Return the error "`place` is `value`; it must be `rule`; `remedy`"."""
        text = f"{place} is {show(value)}; it must be {rule}"
        return cls(
            f"{text}; {remedy}" if remedy else text,
            place=place, value=value, rule=rule, remedy=remedy,
        )  # fmt: skip


class DataError(M3Error, ValueError):
    """A file or data cannot be used as it is."""

    kind = Kind.DATA


class UsageError(M3Error, ValueError):
    """An argument or option is wrong."""

    kind = Kind.USAGE


class UnavailableError(M3Error, RuntimeError):
    """Something that the request needs is not installed or not running."""

    kind = Kind.UNAVAILABLE


def show(value: object) -> str:
    """Return a value as JSON writes it, short enough for a message."""
    if isinstance(value, dict):
        return f"an object with {len(value)} fields"
    if isinstance(value, list | tuple) and (
        len(value) > 4 or any(isinstance(item, list | tuple | dict) for item in value)
    ):
        return f"a list of {len(value)}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(show(item) for item in value)}]"
    if isinstance(value, int) and value.bit_length() > 4 * MAX_SHOWN:  # str() of it may be refused
        return "a number of more than 80 digits"
    if isinstance(value, str):
        half = (MAX_SHOWN - 3) // 2  # the end of a path is its file
        value = value if len(value) <= MAX_SHOWN else f"{value[:half]}...{value[-half:]}"
    elif value is not None and not isinstance(value, bool | int | float):
        value = repr(value)[:MAX_SHOWN]
    return json.dumps(value, ensure_ascii=False)


def fault_report(program: str, error: BaseException) -> str:
    """Write the traceback of a fault of the program to a file, and return a line that names both.

    Args:
        program: that failed.
        error: which is no member of the family.
    """
    text = "".join(traceback.format_exception(error))
    try:
        descriptor, path = tempfile.mkstemp(prefix="m3-fault-", suffix=".txt")
        with open(descriptor, "w") as file:
            file.write(f"{' '.join(sys.argv)}\n{text}")
    except OSError as problem:
        path = f"its traceback, which could not be written ({problem}):\n{text}"
    reason = " ".join(str(error).split())
    return (
        f"this is a fault of {program}, {type(error).__name__}: {reason}; please report it with "
        f"{path}"
    )
