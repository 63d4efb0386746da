"""The folder of a site, and the files beside its pages: styles, scripts, copies of records, figures."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lvmmed_backbones.files.outside import MIB, Refused, read_bytes
from lvmmed_backbones.files.writing import replacing_folder, sweep
from lvmmed_backbones.records import StoredRecord
from lvmmed_backbones.records.folder import read_own
from lvmmed_backbones.records.record import MOST
from reports.reading.consistency import group_by
from reports.render.figures import KINDS
from reports.render.figures.plan import plan_figures
from reports.render.figures.planned import PlannedFigure
from reports.render.figures.style import render_figure
from reports.render.files import page_addresses

HERE = Path(__file__).parent
CONFIG_BYTES = 16 * MIB  # a run writes a hundredth of it
MARK = "site.txt"
MADE_BY = "Made by `python -m reports site`, which replaces this folder as a whole.\n"


@dataclass(frozen=True)
class SiteFolder:
    """The folder that a site is written to.

    Attributes
    ----------
    path : Path
        The folder, empty at first.
    progress : callable
        Wraps the items of a loop that takes long, given its name.
    problems : list of str
        A sentence for each thing that could not be shown.
    """

    path: Path
    progress: Callable[[Iterable[Any], str], Iterable[Any]]
    problems: list[str] = field(default_factory=list)


@contextmanager
def replacing_site(out: Path) -> Iterator[Path]:
    """An empty folder to write to. It takes the place of `out` if nothing is raised; otherwise `out` is as it was.

    Raises
    ------
    FileExistsError
        If `out` holds something that was not made so.
    DiskFull, OSError
        If it cannot be written.
    """
    out = Path(os.path.realpath(out))  # Path.resolve raises RuntimeError where links go in a circle
    sweep(out.parent)  # puts a site back that a kill took from its name
    _refuse_foreign(out)
    with replacing_folder(out) as folder:
        (folder / MARK).write_text(MADE_BY, encoding="utf-8")
        yield folder
        _refuse_foreign(out)


def _refuse_foreign(out: Path) -> None:
    """Raise FileExistsError if `out` holds what this suite did not write."""
    remedy = "Name a folder that is new, empty, or was made by this command."
    if os.path.lexists(out) and not out.is_dir():
        raise FileExistsError(f"{out}: not a folder. {remedy}")
    if out.is_dir() and any(out.iterdir()):
        try:
            made_by = read_bytes(out / MARK, within=out, most=len(MADE_BY))
        except (FileNotFoundError, Refused):
            made_by = b""
        if made_by != MADE_BY.encode():
            raise FileExistsError(f"{out}: not made by `python -m reports site`. {remedy}")


def copy_static(site: SiteFolder) -> None:
    """Copy styles, scripts, and the libraries with their licences."""
    (site.path / "static").mkdir()
    for source in ("static", "vendor"):
        for path in sorted((HERE / source).iterdir()):
            shutil.copyfile(path, site.path / "static" / path.name)


def copy_records(
    records: Sequence[StoredRecord], site: SiteFolder
) -> tuple[dict[Path, str], set[Path]]:
    """Copy every record and config, under names that no reader of results takes for a run.

    Returns
    -------
    (dict of Path to str, set of Path)
        The address of each record's copy, by its path, and the paths of the records that have a config. A file that
        cannot be read again, or is no plain file of the results, becomes a problem of the site.
    """
    target = site.path / "records"
    target.mkdir()
    addresses = _record_addresses(records)
    copied, with_config = {}, set()
    for record in site.progress(records, "records"):
        config = record.path.with_name("config.py")
        address = addresses[record.path]
        try:
            content = read_own(record.path, record.results, MOST)
            (target / f"{address}.json").write_bytes(content)
            copied[record.path] = address
            if os.path.lexists(config):
                content = read_own(config, record.results, CONFIG_BYTES)
                (target / f"{address}.config.txt").write_bytes(content)
                with_config.add(record.path)
        except Refused as error:
            site.problems.append(str(error))
    return copied, with_config


def _record_addresses(records: Sequence[StoredRecord]) -> dict[Path, str]:
    """The address of each record's copy: its run's identity, and the path of the file if two records share one."""
    shared = {same[0].run for same in group_by(records, lambda r: r.run) if len(same) > 1}
    names = {r.path: f"{r.run}/{r.path}" if r.run in shared else r.run for r in records}
    addresses = page_addresses(names.values())
    return {path: addresses[name] for path, name in names.items()}


def draw_plates(
    records: Sequence[StoredRecord], pretraining: Sequence[Path], site: SiteFolder
) -> list[PlannedFigure]:
    """Draw all figures but galleries, which have pages of their own; figures of unsound data become problems.

    The file of each, figures/NAME.svg, lies in the folder.

    Raises
    ------
    OSError, ValueError
        If a record or a pretraining run cannot be read.
    """
    plan = plan_figures(records, pretraining, [kind for kind in KINDS if kind != "gallery"])
    site.problems.extend(plan.problems)
    plates = []
    for figure in site.progress(plan.figures, "figures"):
        try:
            content = render_figure(figure.draw(), "svg")
        except (FileNotFoundError, ValueError) as error:
            site.problems.append(f"{figure.name} is not drawn: {error}")
            continue
        path = site.path / f"figures/{figure.name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        plates.append(figure)
    return plates
