"""A small corpus, its sources and its test images."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pyarrow.parquet as pq

from lvmmed_backbones.corpus.manifest import MANIFEST, read_corpus
from tests.factories import write_images

SOURCES, IMAGES = 6, 16


def draw(folder: Path) -> None:
    """Write soft random images into `sources`, and a copy of every eighth one into `test`."""
    for source in range(SOURCES):
        write_images(folder / "sources" / f"set{source}", IMAGES, seed=source)
    (folder / "test").mkdir()
    for path in sorted((folder / "sources").glob("*/*.png"))[::8]:
        shutil.copy(path, folder / "test" / f"{path.parent.name}_{path.name}")


def building(folder: Path, out: Path) -> list[str | Path]:
    """Return the words of the command that builds the corpus, with a shard for each source."""
    sources = sorted((folder / "sources").iterdir())
    return ["lvmmed_backbones", "corpus", "build", *sources, "--out", out, "--workers", "2"]


def auditing(folder: Path, out: Path) -> list[str | Path]:
    """Return the words of the command that takes its test images out."""
    return ["lvmmed_backbones", "corpus", "audit", out, "--test", folder / "test", "--remove"]


def tells_the_truth(corpus: Path) -> bool:
    """Return whether the corpus is refused, or its summary is that of its manifest."""
    try:
        _, summary = read_corpus(corpus, ["key"])
    except (FileNotFoundError, ValueError):
        return True  # it is refused, and nothing takes it for one
    values = pq.read_table(corpus / MANIFEST, columns=["sha256"])["sha256"].to_pylist()
    digest = hashlib.sha256("".join(sorted(values)).encode()).hexdigest()
    return (summary.images, summary.fingerprint) == (len(values), digest)
