"""Where a command is told to write: what cannot be written to is refused, in one line, before any work is done."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from comparisons.commands.refusals import BadRequest

TRACE_FILE, TRACE_FOLDER = ".npz", ".zarr"


def check_json(path: str | None) -> None:
    """Refuse a file for --json that cannot be written; `-` is standard output."""
    if path is not None and path != "-":
        check_writable("--json", path)


def check_writable(option: str, path: str) -> None:
    """Refuse an output file that cannot be written. A link is followed, to a file that is not there yet too."""
    _check_named(option, path, "file")
    if Path(path).is_dir():
        raise BadRequest(f"{option}: {path} is a folder; name a file")
    end = Path(os.path.realpath(path))
    folder = end.parent
    if Path(path).is_symlink() and (end.is_symlink() or not folder.is_dir()):
        raise BadRequest(f"{option}: {path} is a link to {Path(path).readlink()}, which cannot be made; name a file")
    if not folder.is_dir():
        raise BadRequest(f"{option}: {path}: the folder {folder} does not exist")
    target = path if Path(path).exists() and not Path(path).is_file() else folder
    if not os.access(target, os.W_OK):
        raise BadRequest(f"{option}: {path}: the folder {folder} cannot be written to; name another")


def check_trace(option: str, path: str) -> None:
    """Refuse a name for a trace that tells neither of the two ways to keep one, or that cannot be written."""
    _check_named(option, path, "file")
    place, suffix = Path(path), Path(path).suffix
    device = place.exists() and not place.is_file() and not place.is_dir()  # /dev/null
    if suffix not in (TRACE_FILE, TRACE_FOLDER) and not device:
        raise BadRequest(
            f"{option}: {path} ends neither in {TRACE_FILE}, a file that is written at the end, nor in {TRACE_FOLDER}, "
            "a folder that is written as it trains; name one that does"
        )
    (_check_store if suffix == TRACE_FOLDER else check_writable)(option, path)


def _check_store(option: str, folder: str) -> None:
    place = Path(folder)
    if os.path.lexists(place) and not place.is_dir():
        raise BadRequest(f"{option}: {folder} {_no_folder(place)}; name a folder")
    parent = place.absolute().parent
    if not parent.is_dir():
        raise BadRequest(f"{option}: {folder}: the folder {parent} does not exist")
    target = place if place.exists() else parent
    if not os.access(target, os.W_OK):
        raise BadRequest(f"{option}: {folder}: the folder {target} cannot be written to; name another")


def check_folder(option: str, folder: str | None) -> None:
    """Refuse a folder that cannot be made, with those around it, or nothing can be written to; leaves no trace."""
    if folder is None:
        return
    _check_named(option, folder, "folder")
    place = Path(folder)
    missing: list[Path] = []
    try:
        missing = [one for one in (place, *place.parents) if not one.exists()]
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place):
            pass
    except FileExistsError:
        there = next(one for one in (place, *place.parents) if os.path.lexists(one))
        raise BadRequest(f"{option}: {there} {_no_folder(there)}; name a folder") from None
    except OSError as error:
        why = os.strerror(error.errno or 0)
        raise BadRequest(f"{option}: {folder}: {why}; name a folder that can be written") from None
    finally:
        for one in missing:
            with suppress(OSError):  # not there, or no longer empty
                one.rmdir()


def _check_named(option: str, path: str, kind: str) -> None:
    """Refuse a name that says nothing, and `-`, which elsewhere means standard output."""
    if not path.strip():
        raise BadRequest(f"{option}: {path!r} names no {kind}")
    if path == "-":
        raise BadRequest(f"{option}: '-' is no {kind}, and this cannot go to standard output; name a {kind}")


def _no_folder(place: Path) -> str:
    """What stands where a folder should, in words."""
    leads_nowhere = place.is_symlink() and not place.exists()
    return f"is a link to {place.readlink()}, which does not exist" if leads_nowhere else "is a file"
