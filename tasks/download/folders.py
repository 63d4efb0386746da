"""Find the files of a download, whatever else lies beside them and however their endings are written."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from tqdm import tqdm

from lvmmed_backbones.files.folders import entries
from lvmmed_backbones.files.outside import Refused

ENDINGS = {".jpeg": ".jpg", ".tiff": ".tif", ".nii": ".nii.gz"}  # other ways to write a type


def usual(name: str) -> str:
    """A file's name with its ending as the preparers write it: A.JPEG is A.jpg, a.nii is a.nii.gz."""
    path = Path(name)
    suffix = path.suffix.lower()
    if suffix == ".gz":
        suffix = Path(path.stem).suffix.lower() + suffix
    return name[: len(name) - len(suffix)] + ENDINGS.get(suffix, suffix)


def files(folder: Path, pattern: str) -> dict[str, Path]:
    """The files of a folder by their usual names, sorted; none if there is no folder. Clutter is passed over.

    Parameters
    ----------
    pattern : str
        Of usual names, as of fnmatch.

    Raises
    ------
    Refused
        If two files have the same usual name, or the folder cannot be read.
    """
    found: dict[str, Path] = {}
    for entry in entries(folder) if folder.is_dir() else ():
        name = usual(entry.name)
        if not fnmatchcase(name, pattern):
            continue
        path = folder / entry.name
        if name in found:
            one, other = sorted((found[name], path))
            raise Refused(other, f"is {name} as {one.name} is", "Take one of the two out")
        found[name] = path
    return dict(sorted(found.items()))


def case_folders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted; files among them are passed over, and none are there if it is none."""
    found = entries(folder) if folder.is_dir() else ()
    return sorted(folder / entry.name for entry in found if entry.is_dir())


def missing(path: Path, what: str) -> FileNotFoundError:
    """The error for what a download lacks."""
    return FileNotFoundError(f"{path}: no {what} there. Is the download unpacked in this place?")


def only(folder: Path, pattern: str, what: str) -> list[Path]:
    """The files of a folder whose usual names match, sorted.

    Raises
    ------
    FileNotFoundError
        If there are none, naming what was looked for; Refused: as `files`.
    """
    found = files(folder, pattern)
    if not found:
        raise missing(folder / pattern, what)
    return list(found.values())


def each(folder: Path, pattern: str, what: str) -> Iterator[Path]:
    """One after another the files that `only` finds, with a progress bar on a terminal's stderr.

    Raises
    ------
    FileNotFoundError, Refused
        As `only`.
    """
    yield from tqdm(only(folder, pattern, what), desc=what, leave=False, disable=None)
