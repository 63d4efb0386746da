"""What a prepared data set holds, in one number."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from lvmmed_backbones.folders import is_clutter
from lvmmed_backbones.outside import opened


def fingerprint(folder: Path) -> str:
    """sha256 over the paths and contents of a prepared data set, its meta and clutter left out.

    Raises:
        Refused: if a file leads out of the folder.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "meta.json"):
        if any(map(is_clutter, path.relative_to(folder).parts)):
            continue
        digest.update(os.fsencode(path.relative_to(folder)))
        with opened(path, within=folder) as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
