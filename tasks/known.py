"""The versions of all tasks and the fingerprints of prepared data sets: what a results repository knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.records import RELEASE, SUITE, Recipe
from lvmmed_backbones.records.checked import write_struct
from lvmmed_backbones.records.known import Known, KnownData, KnownTask, read_known
from tasks import registry


def versions(folders: Sequence[str | Path] = (), *, out: str | Path) -> Path:
    """Write what a results repository checks records against: `python -m tasks versions`.

    Tasks are those of this checkout. Fingerprints of data are added to those that the file has.

    Parameters
    ----------
    folders : sequence of str or Path
        Prepared data sets.
    out : str or Path
        The file to write: tasks.json of a results repository.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    FileNotFoundError, Refused
        If a folder is no prepared data set, or the file is none that this function wrote.
    """
    out = Path(out)
    data = read_known(out).data if out.exists() else {}
    for folder in folders:
        meta = read_meta(Path(folder))
        known = data.setdefault(meta["name"], KnownData())
        fingerprints = known.phantom if meta["phantom"] else known.measured
        if meta["fingerprint"] not in fingerprints:
            fingerprints.append(meta["fingerprint"])
    tasks = [_known(name, SUITE) for name in registry.names()]
    tasks += [_known(name, RELEASE) for name in registry.release_names()]
    write_struct(out, Known(tasks, data))
    return out


def _known(name: str, recipe: Recipe) -> KnownTask:
    """What the config of a task says."""
    task = registry.get(name, recipe).task
    return KnownTask(
        task.name, recipe, task.version, task.dataset, task.kind, task.protocol, task.headline
    )
