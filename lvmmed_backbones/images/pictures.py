"""Read photographs, scans and slides of any format. The bytes of a file decide its format, not its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lvmmed_backbones.files.outside import ARRAY, ForeignFile, Refused, opened
from lvmmed_backbones.images import photos, tiffs
from lvmmed_backbones.images.photos import Frame

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def frames(path: Path, remedy: str, reason: str = "cannot be read") -> Iterator[Frame]:
    """Yield every image of a file, upright and in its own depth.

    Parameters
    ----------
    remedy : str
        A sentence, for a file that is no whole image; reason: what is said of it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Refused
        As `photos.frames` and `tiffs.planes`.
    """
    source = ForeignFile(path, remedy, reason)
    with opened(path, most=ARRAY) as file:
        head = file.read(4)
        file.seek(0)
        if head in TIFF and not photos.is_plain_tiff(file):
            yield from map(Frame, tiffs.planes(source, file))
        else:
            yield from photos.frames(source, file)


def read_one(path: Path, remedy: str, reason: str = "cannot be read") -> Frame:
    """Return the image of a file that holds one.

    Raises
    ------
    FileNotFoundError, Refused
        As `frames`; Refused, too, if it holds several.
    """
    images = frames(path, remedy, reason)
    first = next(images)
    if next(images, None) is not None:
        raise Refused(path, "holds several images", "Save the one that is meant")
    return first
