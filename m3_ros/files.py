"""Folders that are never half: written beside their place, synced, and exchanged under a lock.

Beside a folder NAME stand, hidden: `.NAME.lock`, which a program holds while it writes;
`.NAME.part`, what it has written so far; `.NAME.old`, the folder that is being replaced, until the
new one has its place. What a dead process left there is put right by the next one.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from m3_ros.errors import Kind, M3Error

logger = logging.getLogger(__name__)
_LIBC = ctypes.CDLL(None, use_errno=True)

LOCK_TIMEOUT = 60.0
"""Longest wait for another program that writes the same folder, s; the largest memories take a
few seconds to write."""


class WriteError(M3Error, OSError):
    """A file or folder cannot be written; the message says which, why, and what was kept."""

    kind = Kind.FILES


def user_path(path: str | Path) -> Path:
    """Return a path with `~` at its start expanded; `~NAME` of an unknown user stays."""
    return Path(os.path.expanduser(path))


def reason_of(error: BaseException) -> str:
    """Return why a file could not be written, as the system says it."""
    return getattr(error, "strerror", None) or " ".join(str(error).split())


def require_replaceable(folder: str | Path) -> Path:
    """Return the place of a folder, with links resolved, if it can be written or replaced.

    Raises:
        WriteError: it is a mount point, or no folder can be written there.
    """
    place = _resolved(folder)
    if os.path.ismount(place):
        raise WriteError(
            f"{folder} is a mount point, which cannot be replaced; name a folder inside it"
        )
    _require_writable(folder, place.parents)
    return place


def require_folder(folder: str | Path) -> None:
    """Check that a folder can be made, or written if it exists.

    Raises:
        WriteError: it cannot.
    """
    place = _resolved(folder)
    _require_writable(folder, (place, *place.parents))


def _resolved(folder: str | Path) -> Path:
    try:
        return Path(folder).absolute().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links; a null character
        raise WriteError(
            f"{folder} cannot be written: {reason_of(error)}; name another folder"
        ) from error


def _require_writable(folder: str | Path, candidates: Sequence[Path]) -> None:
    """Raise WriteError unless the first of some folders that exists can be written.

    Modes say little (root ignores them, file systems can be read-only), so a folder with the
    longest name that will be needed is made there, and removed.
    """
    above = next(each for each in candidates if os.path.lexists(each))
    try:
        os.rmdir(tempfile.mkdtemp(prefix=f".{Path(folder).name}.", dir=above))
    except OSError as error:
        raise WriteError(
            f"{folder} cannot be written: {reason_of(error)}; name another folder"
        ) from error


@contextmanager
def writing(folder: Path) -> Iterator[Path]:
    """Give an empty folder to write; at the end it replaces `folder`, or vanishes after an error.

    Args:
        folder: as `require_replaceable` returned it.

    Raises:
        WriteError: another program writes it for longer than `LOCK_TIMEOUT`.
        OSError: it cannot be written; the folder of before is as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    part, old = _hidden(folder, "part"), _hidden(folder, "old")
    with _locked(folder):
        _restore(folder)
        _remove(part)
        part.mkdir()
        try:
            yield part
            _sync(part)
            if folder.exists():
                os.rename(folder, old)
            os.rename(part, folder)
            _sync_folder(folder.parent)
            if old.exists():
                os.rename(old, part)  # `.old` is whole while it has that name
        except BaseException:
            _restore(folder)
            raise
        finally:
            _remove(part)


def recover(folder: str | Path) -> Path:
    """Return where a folder is; one whose replacement was interrupted gets its place again.

    Where that cannot be done, on a read-only file system for instance, the place is `.NAME.old`.
    """
    folder = Path(folder)
    try:
        place = folder.absolute().resolve()
        if place.exists() or not _hidden(place, "old").is_dir():
            return folder
        with _locked(place):
            _restore(place)
        return folder
    except (OSError, RuntimeError, ValueError):
        old = _hidden(folder.absolute(), "old")
        return old if not os.path.lexists(folder) and os.path.isdir(old) else folder


def _hidden(folder: Path, kind: str) -> Path:
    return folder.with_name(f".{folder.name}.{kind}")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = FileLock(_hidden(folder, "lock"), timeout=LOCK_TIMEOUT)
    try:
        lock.acquire()
    except Timeout as error:
        raise WriteError(f"another program is writing {folder}; wait for its end") from error
    except NotImplementedError as error:  # a file system without locks
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(folder)) from error
    try:
        yield
    finally:
        lock.release()


def _restore(folder: Path) -> None:
    """Give a folder its place again; the lock is held."""
    old = _hidden(folder, "old")
    if not old.is_dir():
        return
    if folder.exists():
        _remove(old)
        return
    os.rename(old, folder)
    logger.warning(
        "%s was being replaced when the program that wrote it ended; the one before is kept",
        folder,
    )


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def sync_filesystem(folder: Path) -> None:
    """Have the disk hold all that was written so far on the file system of a folder.

    One call for thousands of files: `fsync` of each would wait for the disk as often.

    Raises:
        OSError: something could not be written.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if _LIBC.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def _sync(folder: Path) -> None:
    """Have the disk hold a folder and all files in it, with the modes that the umask says."""
    mode = folder.stat().st_mode & 0o666
    for path in folder.rglob("*"):
        if path.is_file():
            os.chmod(path, mode)
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_folder(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
