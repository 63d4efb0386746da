"""All that a folder of results tells of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.results import RUNS, RunNames, read_names, state_of
from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, read_text
from lvmmed_backbones.records import FILE, WholeRecord, read_done

LOG, LINES = "run.log", 20  # the lines at the end that are shown


@dataclass(frozen=True)
class Shown:
    """A run.

    Attributes
    ----------
    folder : Path
        Its folder.
    names : RunNames
        What its identity says that it is.
    state : str
        One of `benchmarks.terminal.STATES`.
    notes : sequence of str
        Who carries it out, why it failed, why its record does not count.
    record : WholeRecord or None
        Its record, if it is done.
    log : sequence of str
        The last lines of its log, if it is not.
    """

    folder: Path
    names: RunNames
    state: str
    notes: list[str]
    record: WholeRecord | None
    log: list[str]


def show_run(run: str, results: Path) -> Shown:
    """Return what is known of a run.

    Parameters
    ----------
    run : str
        The first letters of its identity, or its folder.
    results : Path
        The folder of results.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such run, or there are several.
    """
    folder = _find(run, results)
    notes: list[str] = []
    try:
        record, state = read_done(folder), "done"
    except (FileNotFoundError, ValueError) as error:
        record, state = None, state_of(folder, notes)
        if not isinstance(error, FileNotFoundError):
            notes.append(f"{folder / FILE}: {error}")
    return Shown(
        folder,
        read_names(folder),
        state,
        list(map(plain, notes)),
        record,
        [] if record else _log(folder),
    )


def _find(run: str, results: Path) -> Path:
    if not results.is_dir():
        raise FileNotFoundError(f"--results {results}: no such folder. Name one that `run` wrote.")
    name = Path(run).name
    found = sorted(
        path for path in (results / RUNS).glob("*") if path.name.startswith(name) and name
    )
    if len(found) == 1 and found[0].is_dir() and not found[0].is_symlink():
        return found[0]
    if len(found) > 1:
        raise ValueError(
            f"{run}: {len(found)} runs begin so, such as {found[0].name} and {found[1].name}. Give more letters"
        )
    raise FileNotFoundError(
        f"{results / RUNS}: no run {run!r}. `lvmmed status` counts what is there"
    )


def _log(folder: Path) -> list[str]:
    """Return the last lines of a run's log; none if there is no log that can be read."""
    try:
        return list(map(plain, read_text(folder / LOG, within=folder).splitlines()[-LINES:]))
    except (FileNotFoundError, Refused):
        return []
