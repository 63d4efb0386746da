"""What was begun in a folder of results, so that `resume` can go on with it: RESULTS/studies/NAME.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from lvmmed_backbones.files.outside import MIB, Refused, read_bytes
from lvmmed_backbones.files.writing import write_bytes
from lvmmed_backbones.provenance import checksum

BEGUN = "studies"


class Begun(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The arguments of a `run`.

    Attributes
    ----------
    study : str or None
        A study's name or file.
    data, work, jobs, slurm, ray, keep_checkpoints, grid
        As of `benchmarks.run`.
    """

    study: str | None
    data: str | None
    work: str
    jobs: int | None
    slurm: tuple[str, ...] | None
    ray: str | None
    keep_checkpoints: bool
    grid: dict[str, Any]


def remember(begun: Begun, name: str, results: Path) -> None:
    """Note what is begun of a study, in place of how the same grids were begun before."""
    content = msgspec.json.encode(begun)
    name = f"{name}-{checksum([begun.study, begun.grid])[:8]}.json"
    (results / BEGUN).mkdir(parents=True, exist_ok=True)
    write_bytes(results / BEGUN / name, content)


def read_begun(results: Path) -> list[Begun]:
    """Return what was begun in a folder of results.

    Raises
    ------
    FileNotFoundError
        If nothing was.
    Refused
        If a note cannot be read.
    """
    files = sorted((results / BEGUN).glob("*.json"))
    if not files:
        raise FileNotFoundError(f"{results}: nothing was begun in it. Start with `lvmmed run`")
    found = []
    for file in files:
        try:
            begun = msgspec.json.decode(read_bytes(file, within=results, most=MIB), type=Begun)
        except msgspec.DecodeError as error:
            raise Refused(file, f"is no note of a run: {error}", "Remove it") from error
        found.append(begun)
    return found
