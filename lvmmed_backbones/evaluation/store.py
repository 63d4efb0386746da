"""Features on the disk: a row for each image of one encoder, appended, memory-mapped, never half-written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvmmed_backbones.files.outside import Refused, read_json
from lvmmed_backbones.files.writing import telling_full, write_json

KEY = 16  # bytes that name an image: BLAKE2b of its content
META, KEYS, ROWS, LOCK = "meta.json", "keys.bin", "rows.bin", "lock"
REMEDY = "Delete its folder: the features are computed again"


@dataclass(frozen=True)
class FeatureStore:
    """The features of one encoder, in a folder.

    keys.bin names the images, rows.bin has their features in the same order. Rows are written and synced before their
    keys, so that a row without a key is what a kill has left: it does not count, and the next writer cuts it off.

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
        for name in (META, KEYS, ROWS):
            (self.folder / name).unlink(missing_ok=True)
        write_json(self.folder / META, {**meta, "shape": list(self.shape), "dtype": self.dtype})

    def count(self) -> int:
        """The number of whole rows that have a key."""
        try:
            keys, rows = ((self.folder / name).stat().st_size for name in (KEYS, ROWS))
        except FileNotFoundError:
            return 0
        return min(keys // KEY, rows // self.row_bytes)

    def keys(self) -> dict[bytes, int]:
        """The row of each image."""
        count = self.count()
        content = (self.folder / KEYS).read_bytes() if count else b""
        return {content[row * KEY : (row + 1) * KEY]: row for row in range(count)}

    def rows(self, places: Sequence[int] | NDArray[np.integer]) -> NDArray[Any]:
        """Return the rows at the given places, (N, *shape), in memory."""
        return self.mapped()[np.asarray(places, np.int64)]

    def mapped(self) -> NDArray[Any]:
        """Return all rows, (R, *shape), as they lie on the disk."""
        return np.memmap(self.folder / ROWS, self.dtype, "r", shape=(self.count(), *self.shape))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers waiting; the lock ends with the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
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
            _append(self.folder / ROWS, count * self.row_bytes, rows.astype(self.dtype).tobytes())
            _append(self.folder / KEYS, count * KEY, b"".join(keys))


def _append(path: Path, at: int, content: bytes) -> None:
    """Write content from a position on; what stood behind it is cut off."""
    with path.open("r+b" if path.exists() else "xb") as file:
        file.truncate(at)
        file.seek(at)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
