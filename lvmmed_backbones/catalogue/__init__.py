"""The catalogue of backbones: one file each, found by convention.

A new backbone is a new file in `entries` that says `ENTRY = Entry(...)`, or a file of weights that
`python -m lvmmed_backbones add` or `export` wrote, here or in a folder of `folders()`, its name the file's; or it is
what a plugin registers. One that was pretrained with several seeds is a folder NAME/ of files SEED.safetensors.
"""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import re
from pathlib import Path
from typing import Any

from lvmmed_backbones.catalogue import entries
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.catalogue.exported import entry_of, files_by_seed
from lvmmed_backbones.importing import on_first_use
from lvmmed_backbones.plugins import load_installed
from lvmmed_backbones.weights.source import cache_folder

__all__ = [
    "Entry",
    "add",
    "add_catalogue_folder",
    "describe",
    "folders",
    "get",
    "home",
    "list_backbones",
    "names",
    "register",
    "seeds",
]

# Of a backbone: a word that a command line, a table and a file's name can hold.
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_registered: dict[str, Entry] = {}
_added: list[Path] = []  # by `add_catalogue_folder`, the latest first


__getattr__, __dir__ = on_first_use(__name__, {"add": "adding"})  # which imports this module


def add_catalogue_folder(folder: str | Path) -> None:
    """Look for exported backbones in a folder, too, as long as this process lives.

    A forked process has the folder, too; one that is started anew has to call this itself.

    Parameters
    ----------
    folder : str or Path
        It may come into being later. It precedes those that were added before it.
    """
    path = Path(folder).resolve()
    if path in _added:
        _added.remove(path)
    _added.insert(0, path)


def folders() -> list[Path]:
    """Where exported backbones are looked for, the first first.

    They are the package's own folder, those of `add_catalogue_folder`, the user's in $LVMMED_CATALOGUE, and the cache's
    `catalogue`, which `add` and `export` write to unless told otherwise.
    """
    chosen = os.environ.get("LVMMED_CATALOGUE", "")
    return [
        *map(Path, entries.__path__),
        *_added,
        *(Path(folder) for folder in chosen.split(os.pathsep) if folder),
        cache_folder().parent / "catalogue",
    ]


def exported() -> dict[str, Path]:
    """By name the file of each exported backbone, or its folder where it has several pretraining seeds.

    The first of `folders()` that has a name wins.
    """
    found: dict[str, Path] = {}
    for folder in reversed(folders()):
        several = {file.parent for file in folder.glob("*/*.safetensors")}
        places = {one.name: one for one in several if files_by_seed(one)}
        places |= {file.stem: file for file in folder.glob("*.safetensors")}
        found |= {name: place for name, place in places.items() if NAME.fullmatch(name)}
    return found


def misnamed() -> list[Path]:
    """Files in the catalogue's folders whose names are no names of backbones, so that nothing can ask for them."""
    files = [file for folder in folders() for file in sorted(folder.glob("*.safetensors"))]
    return [file for file in files if not NAME.fullmatch(file.stem)]


def modules() -> set[str]:
    """Return the names of the backbones that are modules of `entries`."""
    return {module.name for module in pkgutil.iter_modules(entries.__path__)}


def register(name: str, entry: Entry) -> None:
    """Add a backbone, as long as this process lives.

    Raises
    ------
    ValueError
        If `name` is no name of a backbone, or another backbone has it.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a backbone: take letters, digits, _, - and .")
    if name in modules() or _registered.get(name, entry) != entry:
        raise ValueError(f"there is another backbone called {name}. Rename it")
    _registered[name] = entry


def names() -> list[str]:
    """The backbones that there are."""
    load_installed()
    return sorted(modules() | set(_registered) | set(exported()))


def seeds(name: str) -> list[int]:
    """The pretraining seeds of a backbone, in ascending order; none if its weights are the same for every seed."""
    place = exported().get(name)
    if place is None or name in modules() or name in _registered:
        return []
    return list(files_by_seed(place))


def get(name: str, seed: int = 0) -> Entry:
    """The entry called `name`.

    Parameters
    ----------
    seed : int
        Of the pretraining, where the backbone has several; any other backbone is the same for every seed.

    Raises
    ------
    ValueError
        If there is none, with the names that come close; if it was not pretrained with `seed`, with the seeds that it
        has; or if its file is damaged.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
        hint = (
            f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names())}"
        )
        raise ValueError(f"no backbone {name!r} in the catalogue: {hint}")
    if name in modules():
        return importlib.import_module(f"{entries.__name__}.{name}").ENTRY
    if name in _registered:
        return _registered[name]
    place = exported()[name]
    files = files_by_seed(place)
    if not files:
        return entry_of(place)
    if seed not in files:
        raise ValueError(
            f"no pretraining seed {seed} of backbone {name!r}: {place} has {', '.join(map(str, files))}. "
            f"Choose from these (--seeds), or pretrain with seed {seed} and export that run"
        )
    return entry_of(files[seed], seed)


def home(entry: Entry) -> str | None:
    """The module that registers an entry's class, for another process to import; None: it is one of the suite's own."""
    from lvmmed_backbones.models import CLASSES  # torch and timm, which the catalogue does without

    module = CLASSES[entry.config["type"]].__module__
    return None if module.startswith("lvmmed_backbones.models.") else module


def list_backbones() -> tuple[list[dict[str, Any]], list[str]]:
    """Everything that the catalogue knows, of every backbone that there is.

    Returns
    -------
    (list of dict, list of str)
        What `describe` gives for each, and a sentence for each file that cannot be used; it takes no other with it.

    Examples
    --------
    >>> from lvmmed_backbones import catalogue
    >>> backbones, problems = catalogue.list_backbones()
    >>> next(b["architecture"] for b in backbones if b["name"] == "random_resnet50")
    'ResNet-50'
    """
    facts = []
    problems = [f"{file}: its name is no name of a backbone: rename it" for file in misnamed()]
    for name in names():
        try:
            facts.append(describe(name))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return facts, problems


def describe(name: str) -> dict[str, Any]:
    """Everything that the catalogue knows of a backbone, as plain data; the weights are those of its first seed."""
    of = seeds(name)
    entry = get(name, *of[:1])
    weights = entry.weights
    return {
        "name": name,
        "architecture": entry.architecture,
        "method": entry.method,
        "corpus": entry.corpus,
        "licence": entry.licence,
        "source": entry.source,
        "mean": entry.mean,
        "std": entry.std,
        "channels": entry.channels,
        "vector_channels": entry.vector_channels,
        "pretraining_seeds": of,
        "weights": weights
        and {
            "file": weights.file,
            "from": weights.origin,
            "sha256": weights.sha256,
            "layout": weights.layout,
            "here": weights.is_here,
        },
    }
