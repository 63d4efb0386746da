"""Find the files of a download, however their endings are written, and whatever else lies beside them."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from tqdm import tqdm

from lvmmed_backbones.files.folders import entries
from lvmmed_backbones.files.outside import Refused

ENDINGS = {".jpeg": ".jpg", ".tiff": ".tif", ".nii": ".nii.gz"}  # other endings of the same type


def usual_name(name: str) -> str:
    """Return a file's name with its ending as the preparers write it: A.JPEG is A.jpg, a.nii is a.nii.gz."""
    path = Path(name)
    suffix = path.suffix.lower()
    if suffix == ".gz":
        suffix = Path(path.stem).suffix.lower() + suffix
    return name[: len(name) - len(suffix)] + ENDINGS.get(suffix, suffix)


class FilesByName(dict[str, Path]):
    """Files of a folder by their usual names; a name that is not among them gives the path where it would lie.

    Parameters
    ----------
    folder : Path
        The folder.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, name: str) -> Path:
        return self.folder / name


def files_by_name(folder: Path, pattern: str) -> FilesByName:
    """Return the files of a folder by their usual names, sorted; none if there is no folder. Clutter is passed over.

    Parameters
    ----------
    pattern : str
        A pattern of usual names, as fnmatch takes it.

    Raises
    ------
    Refused
        If two files have the same usual name, or the folder cannot be read.
    """
    files = FilesByName(folder)
    paths = [folder / entry.name for entry in entries(folder)] if folder.is_dir() else []
    for path in sorted(paths, key=lambda path: (usual_name(path.name), path)):
        name = usual_name(path.name)
        if not fnmatchcase(name, pattern):
            continue
        if name in files:
            reason = f"is {name} as {files[name].name} is"
            raise Refused(path, reason, "Take one of the two out")
        files[name] = path
    return files


def case_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted; files among them are passed over.

    There are none if there is no folder.
    """
    content = entries(folder) if folder.is_dir() else ()
    return sorted(folder / entry.name for entry in content if entry.is_dir())


def missing_error(path: Path, what: str) -> FileNotFoundError:
    """Return the error for what a download lacks."""
    return FileNotFoundError(f"{path}: no {what} there. Is the download unpacked in this place?")


def matching_files(folder: Path, pattern: str, what: str) -> list[Path]:
    """Return the files of a folder whose usual names match, sorted.

    Raises
    ------
    FileNotFoundError
        If there are none, naming what was looked for; Refused: as `files_by_name`.
    """
    files = files_by_name(folder, pattern)
    if not files:
        raise missing_error(folder / pattern, what)
    return list(files.values())


def each_file(folder: Path, pattern: str, what: str) -> Iterator[Path]:
    """Yield the files that `matching_files` finds, with a progress bar on a terminal's stderr.

    Raises
    ------
    FileNotFoundError, Refused
        As `matching_files`.
    """
    yield from tqdm(matching_files(folder, pattern, what), desc=what, leave=False, disable=None)
