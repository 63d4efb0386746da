"""The functions behind `python -m tasks`: list, prepare, draw and check data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from lvmmed_backbones import layout
from tasks import datasets, phantoms
from tasks.datasets import Dataset


def list_data_sets() -> dict[str, Dataset]:
    """Return the data sets of the tasks, by name: what they are, where to download them, into which folder.

    Examples
    --------
    >>> import tasks
    >>> tasks.list_data_sets()["drive"].folder
    'drive'
    """
    return {name: datasets.get(name) for name in datasets.names()}


def prepare(
    names: Sequence[str] = (), *, data: str | Path | None = None, out: str | Path
) -> dict[str, Path]:
    """Turn downloads into the prepared layout: `python -m tasks prepare`.

    One that is already prepared from the same files is reused.

    Parameters
    ----------
    names : sequence of str
        Names of data sets; none: all whose folder lies in `data`, or all that come with the suite.
    data : str or Path, optional
        Folder of downloads. A data set that is not there, but comes with the suite, is taken from it.
    out : str or Path
        Folder of prepared data sets.

    Returns
    -------
    dict of str to Path
        The folder of each prepared data set, OUT/NAME, by name.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file that is missing or wrong, and the remedy; those before it are prepared.
    """
    downloads = None if data is None else Path(data)
    with tqdm(names or _there(downloads), desc="preparing", unit="set") as bar:
        return {name: datasets.prepare(name, downloads, Path(out)) for name in bar}


def _there(data: Path | None) -> list[str]:
    """Return the data sets in a folder of downloads, or those that come with the suite.

    Raises
    ------
    FileNotFoundError
        If a folder of downloads has none.
    """
    if data is None:
        return datasets.available()
    names = [name for name in datasets.names() if (data / datasets.get(name).folder).is_dir()]
    if not names:
        folders = ", ".join(sorted({dataset.folder for dataset in list_data_sets().values()}))
        raise FileNotFoundError(
            f"{data} holds no data set: expected a folder called one of {folders}"
        )
    return names


def draw_phantoms(names: Sequence[str] = (), *, out: str | Path, seed: int = 0) -> dict[str, Path]:
    """Draw stand-ins for downloads, in the downloads' own layout: `python -m tasks phantoms`.

    Parameters
    ----------
    names : sequence of str
        Names of data sets; none: all that have a phantom.
    out : str or Path
        Folder of downloads.
    seed : int
        The same seed draws the same bytes.

    Returns
    -------
    dict of str to Path
        The folder of each download, by the data set's name.

    Raises
    ------
    ValueError
        If there is no such data set, or it has no phantom.
    FileExistsError
        If a real download lies there; DiskFull, OSError: if it cannot be written.
    """
    with tqdm(names or phantoms.names(), desc="drawing", unit="set") as bar:
        return {name: phantoms.generate(name, Path(out), seed) for name in bar}


def check(folders: Iterable[str | Path]) -> list[str]:
    """Read everything in prepared data sets: `python -m tasks check`.

    Parameters
    ----------
    folders : iterable of str or Path
        Folders of one prepared data set each.

    Returns
    -------
    list of str
        A sentence for each problem; none if all are sound.

    Raises
    ------
    FileNotFoundError
        If a folder is no prepared data set.
    Refused
        If its meta.json is not whole.
    """
    with tqdm(folders, desc="checking", unit="set") as bar:
        return [problem for folder in bar for problem in layout.check(Path(folder))]
