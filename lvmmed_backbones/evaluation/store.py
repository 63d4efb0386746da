"""Features on the disk: a row for each image of one encoder, appended, memory-mapped, never half-written."""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from tqdm import tqdm

from lvmmed_backbones.files.outside import Refused, read_json
from lvmmed_backbones.files.writing import telling_full, write_json

KEY = 16  # bytes that name an image: BLAKE2b of its content
SUM = np.dtype("<u4")  # CRC-32 of a row
META, KEYS, ROWS, SUMS, LOCK = "meta.json", "keys.bin", "rows.bin", "sums.bin", "lock"
REMEDY = "Delete its folder: the features are computed again"


@dataclass(frozen=True)
class StoredRows:
    """Rows on the disk in an order of one's own: what is asked for is read, and nothing else.

    A row is compared with its checksum when it is read for the first time.

    Attributes
    ----------
    mapped : memmap of shape (R, ...)
        All rows, as they lie on the disk.
    places : ndarray of int
        (N,): the place in `mapped` of each row; a row may be there twice.
    sums : ndarray of uint32
        (R,): the checksum of each row in `mapped`.
    whole : ndarray of bool
        (R,): whether a row was compared with it.
    """

    mapped: np.memmap
    places: NDArray[np.int64]
    sums: NDArray[np.uint32]
    whole: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...), as an array's."""
        return (len(self.places), *self.mapped.shape[1:])

    @property
    def ndim(self) -> int:
        """As an array's."""
        return self.mapped.ndim

    @property
    def dtype(self) -> np.dtype:
        """As an array's."""
        return self.mapped.dtype

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: int | slice | ArrayLike) -> NDArray[Any]:
        """The rows (n, ...) of a slice, of numbers or of a mask; one row of an integer; in memory.

        Raises
        ------
        Refused
            If a row differs from its checksum.
        """
        places = self.places[rows if isinstance(rows, (int, slice)) else np.asarray(rows)]
        for place in np.unique(places[~self.whole[places]]):
            if zlib.crc32(self.mapped[place].tobytes()) != self.sums[place]:
                reason = f"is damaged: row {place} differs from its checksum"
                raise Refused(Path(self.mapped.filename or ROWS), reason, REMEDY)
            self.whole[place] = True
        return np.asarray(self.mapped[places])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("rows of a store have no array in memory: copy them")
        return self[:].astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True)
class FeatureStore:
    """The features of one encoder, in a folder.

    keys.bin names the images, rows.bin has their features in the same order, sums.bin the checksums of these. Rows are
    written and synced before their keys, so that a row without a key is what a kill has left: it does not count, and
    the next writer cuts it off. A store without checksums, of an older version, counts as empty.

    Attributes
    ----------
    folder : Path
        Made when the first rows are written.
    shape : tuple of int
        Of a row.
    dtype : str
        Of a row, such as "float32".
    """

    folder: Path
    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize

    def read_meta(self) -> dict[str, Any] | None:
        """What `begin` wrote, None if there is nothing yet.

        Raises
        ------
        Refused
            If it is not whole, or of features of another shape.
        """
        try:
            meta = read_json(self.folder / META, REMEDY, within=self.folder)
        except FileNotFoundError:
            return None
        if not isinstance(meta, dict) or (meta.get("shape"), meta.get("dtype")) != (
            list(self.shape),
            self.dtype,
        ):
            raise Refused(self.folder / META, f"is not of rows {self.shape} {self.dtype}", REMEDY)
        return meta

    def begin(self, meta: dict[str, Any]) -> None:
        """Make an empty store; what was there is gone. To be called with the lock."""
        for name in (META, KEYS, SUMS, ROWS):
            (self.folder / name).unlink(missing_ok=True)
        write_json(self.folder / META, {**meta, "shape": list(self.shape), "dtype": self.dtype})

    def count(self) -> int:
        """The number of whole rows that have a checksum and a key."""
        widths = {KEYS: KEY, SUMS: SUM.itemsize, ROWS: self.row_bytes}
        try:
            return min((self.folder / n).stat().st_size // width for n, width in widths.items())
        except FileNotFoundError:
            return 0

    def keys(self) -> dict[bytes, int]:
        """The row of each image."""
        count = self.count()
        content = (self.folder / KEYS).read_bytes() if count else b""
        return {content[row * KEY : (row + 1) * KEY]: row for row in range(count)}

    def rows(self, places: Sequence[int] | NDArray[np.integer]) -> NDArray[Any]:
        """Return the rows at the given places, (N, *shape), in memory."""
        return self.stored(places)[:]

    def stored(self, places: Sequence[int] | NDArray[np.integer]) -> StoredRows:
        """Return the rows at the given places, (N, *shape), which stay on the disk."""
        mapped = self.mapped()
        sums = np.fromfile(self.folder / SUMS, SUM, len(mapped))
        return StoredRows(mapped, np.asarray(places, np.int64), sums, np.zeros(len(mapped), bool))

    def check_room(self, rows: int) -> None:
        """See that the disk has room for more rows.

        Raises
        ------
        Refused
            If it has not, with both numbers of bytes.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        needed, free = rows * (self.row_bytes + KEY), shutil.disk_usage(self.folder).free
        if needed > free:
            raise Refused(
                self.folder,
                f"{rows} rows of shape {self.shape} need {needed / 1e9:.3g} GB, and the disk has {free / 1e9:.3g} GB",
                "Make room, or name a cache on another disk",
            )

    def mapped(self) -> np.memmap:
        """Return all rows, (R, *shape), as they lie on the disk."""
        return np.memmap(self.folder / ROWS, self.dtype, "r", shape=(self.count(), *self.shape))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers waiting; the lock ends with the process.

        Raises
        ------
        Refused
            If the file system has no locks: two writers at once would mix their rows.
        DiskFull
            If there is no room for the folder.
        """
        with telling_full(self.folder / LOCK):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / LOCK).open("a")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tqdm.write(f"{self.folder}: another process writes here. Waiting", sys.stderr)
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                raise Refused(
                    self.folder,
                    f"the file system has no locks ({error.strerror})",
                    "Name a cache on a local disk, by --cache or LVMMED_HOME",
                ) from None
            yield

    def append(self, keys: Sequence[bytes], rows: NDArray[Any]) -> None:
        """Add rows and sync them to the disk. To be called with the lock.

        Raises
        ------
        DiskFull
            If there is no room; the rows that were there stay.
        """
        if rows.shape != (len(keys), *self.shape):
            raise ValueError(
                f"{len(keys)} images have rows of shape {rows.shape[1:]}, not {self.shape}"
            )
        count = self.count()
        with telling_full(self.folder / ROWS):
            contents = [row.tobytes() for row in rows.astype(self.dtype)]
            sums = np.array([zlib.crc32(content) for content in contents], SUM)
            _append(self.folder / ROWS, count * self.row_bytes, b"".join(contents))
            _append(self.folder / SUMS, count * SUM.itemsize, sums.tobytes())
            _append(self.folder / KEYS, count * KEY, b"".join(keys))


def _append(path: Path, at: int, content: bytes) -> None:
    """Write content from a position on; what stood behind it is cut off."""
    with path.open("r+b" if path.exists() else "xb") as file:
        file.truncate(at)
        file.seek(at)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
