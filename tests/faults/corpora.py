"""A small corpus, its sources and its test images."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq

from lvmmed_backbones.corpus.manifest import MANIFEST, read_corpus

SOURCES, IMAGES, SIDE = 6, 16, 48


def draw(folder: Path) -> None:
    """Soft random blobs in `sources`, each image its own; every eighth of them, too, in `test`."""
    rng = np.random.default_rng(0)
    for source in range(SOURCES):
        place = folder / "sources" / f"set{source}"
        place.mkdir(parents=True)
        for number in range(IMAGES):
            coarse = rng.integers(0, 256, (6, 6), dtype=np.uint8)
            image = cv2.resize(coarse, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
            assert cv2.imwrite(str(place / f"{number:03d}.png"), image)
    (folder / "test").mkdir()
    for path in sorted((folder / "sources").glob("*/*.png"))[::8]:
        shutil.copy(path, folder / "test" / f"{path.parent.name}_{path.name}")


def building(folder: Path, out: Path) -> list[str | Path]:
    """The words that build it: a shard for each source."""
    sources = sorted((folder / "sources").iterdir())
    return ["lvmmed_backbones", "corpus", "build", *sources, "--out", out, "--workers", "2"]


def auditing(folder: Path, out: Path) -> list[str | Path]:
    """The words that take its test images out."""
    return ["lvmmed_backbones", "corpus", "audit", out, "--test", folder / "test", "--remove"]


def tells_the_truth(corpus: Path) -> bool:
    """Whether it is refused, or its summary is that of its manifest."""
    try:
        _, summary = read_corpus(corpus, ["key"])
    except (FileNotFoundError, ValueError):
        return True  # it is refused, and nothing takes it for one
    values = pq.read_table(corpus / MANIFEST, columns=["sha256"])["sha256"].to_pylist()
    digest = hashlib.sha256("".join(sorted(values)).encode()).hexdigest()
    return (summary.images, summary.fingerprint) == (len(values), digest)
