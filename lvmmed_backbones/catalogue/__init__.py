"""The catalogue of backbones.

A backbone is one of these: a file NAME.py in `entries` with `ENTRY = Entry(...)`; a file NAME.safetensors in one of
`folders()`, which `python -m lvmmed_backbones add` or `export` wrote; a folder NAME/ there with a file SEED.safetensors
for each pretraining seed; an entry that a plugin registered.
"""

from __future__ import annotations

import difflib
import os
import pkgutil
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from lvmmed_backbones.catalogue import entries
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.catalogue.exported import files_by_seed, read_entry
from lvmmed_backbones.files.home import user_folder
from lvmmed_backbones.importing import import_added, on_first_use
from lvmmed_backbones.plugins import load_installed

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
    "pretraining",
    "register",
    "seeds",
]

# Of a backbone: a word that a command line, a table and a file's name can hold.
NAME = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
_registered: dict[str, Entry] = {}
_added: list[Path] = []  # by `add_catalogue_folder`, the latest first

# These import this module.
__getattr__, __dir__ = on_first_use(__name__, {"add": "adding", "pretraining": "declared"})


def add_catalogue_folder(folder: str | Path) -> None:
    """Look for exported backbones in a further folder, for the life of this process.

    A forked process has the folder too; a process that is started anew must call this itself.

    Parameters
    ----------
    folder : str or Path
        It need not exist yet. It precedes the folders that were added before.
    """
    path = Path(folder).resolve()
    if path in _added:
        _added.remove(path)
    _added.insert(0, path)


def folders() -> list[Path]:
    """Return the folders of exported backbones, in the order of the search.

    They are the package's own folder, those of `add_catalogue_folder`, the user's in $LVMMED_CATALOGUE, and the user
    folder's `catalogue`, where `add` and `export` write by default.
    """
    variable = os.environ.get("LVMMED_CATALOGUE", "")
    return [
        *map(Path, entries.__path__),
        *_added,
        *(Path(folder) for folder in variable.split(os.pathsep) if folder),
        user_folder() / "catalogue",
    ]


def exported() -> dict[str, Path]:
    """Return by name the file of each exported backbone, or its folder if it has several pretraining seeds.

    If two of `folders()` have the same name, the first one counts.
    """
    paths: dict[str, Path] = {}
    for folder in reversed(folders()):
        subfolders = {file.parent for file in folder.glob("*/*.safetensors")}
        paths |= {path.name: path for path in subfolders if files_by_seed(path)}
        paths |= {file.stem: file for file in folder.glob("*.safetensors")}
    return {name: path for name, path in paths.items() if NAME.fullmatch(name)}


def modules() -> set[str]:
    """Return the names of the backbones that are modules of `entries`."""
    return {module.name for module in pkgutil.iter_modules(entries.__path__)}


def register(name: str, entry: Entry) -> None:
    """Add a backbone for the life of this process.

    Raises
    ------
    ValueError
        If `name` cannot be the name of a backbone, or another backbone has it.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a backbone: take letters, digits, _, - and .")
    if name in modules() or _registered.get(name, entry) != entry:
        raise ValueError(f"there is another backbone called {name}. Rename it")
    _registered[name] = entry


def names() -> list[str]:
    """Return the names of all backbones."""
    load_installed()
    return sorted(modules() | set(_registered) | set(exported()))


def seeds(name: str) -> list[int]:
    """Return the pretraining seeds of a backbone in ascending order; none if it has the same weights for every seed."""
    path = exported().get(name)
    if path is None or name in modules() or name in _registered:
        return []
    return list(files_by_seed(path))


def get(name: str, seed: int = 0) -> Entry:
    """Return the entry of a backbone.

    Parameters
    ----------
    seed : int
        Seed of the pretraining, if the backbone has several; any other backbone is the same for every seed.

    Raises
    ------
    ValueError
        If there is no such backbone (the message has similar names), if it was not pretrained with `seed` (the message
        has its seeds), or if its file is damaged.
    """
    if name not in names():
        close = difflib.get_close_matches(name, names(), n=3, cutoff=0.4)
        hint = (
            f"did you mean {' or '.join(close)}?" if close else f"choose from {', '.join(names())}"
        )
        raise ValueError(f"no backbone {name!r} in the catalogue: {hint}")
    if name in modules():
        return import_added(entries.__name__, name, "ENTRY", Entry)
    if name in _registered:
        return _registered[name]
    path = exported()[name]
    files = files_by_seed(path)
    if not files:
        return read_entry(path)
    if seed not in files:
        raise ValueError(
            f"no pretraining seed {seed} of backbone {name!r}: {path} has {', '.join(map(str, files))}. "
            f"Choose from these (--seeds), or pretrain with seed {seed} and export that run"
        )
    return read_entry(files[seed], seed)


def home(entry: Entry) -> str | None:
    """Return the module that registers an entry's class, for other processes to import; None for a class of ours."""
    from lvmmed_backbones.models import CLASSES  # torch and timm, which the catalogue does without

    module = CLASSES[entry.config["type"]].__module__
    return None if module.startswith("lvmmed_backbones.models.") else module


def list_backbones() -> tuple[list[dict[str, Any]], list[str]]:
    """Return all facts of all backbones.

    Returns
    -------
    (list of dict, list of str)
        The facts of each backbone as `describe` gives them, and a sentence for each file that cannot be used.

    Examples
    --------
    >>> from lvmmed_backbones import catalogue
    >>> backbones, problems = catalogue.list_backbones()
    >>> next(b["architecture"] for b in backbones if b["name"] == "random_resnet50")
    'ResNet-50'
    """
    facts = []
    problems = [
        f"{file}: its name is no name of a backbone: rename it"
        for folder in folders()
        for file in sorted(folder.glob("*.safetensors"))
        if not NAME.fullmatch(file.stem)
    ]
    for name in names():
        try:
            facts.append(describe(name))
        except (OSError, ValueError) as error:
            problems.append(str(error))
    return facts, problems


def describe(name: str) -> dict[str, Any]:
    """Return all facts of a backbone as plain data; if it has several seeds, the weights are those of the first one.

    `pretraining` is what it has seen, inherited from what it was started from; None: unknown.

    Raises
    ------
    ValueError
        As `get` and `pretraining`.
    """
    from lvmmed_backbones.catalogue.declared import pretraining  # which imports this module

    pretraining_seeds = seeds(name)
    entry = get(name, *pretraining_seeds[:1])
    weights = entry.weights
    left_out = ("config", "weights", "pretraining_seed", "corpus_id")
    facts = {f.name: getattr(entry, f.name) for f in fields(Entry) if f.name not in left_out}
    return {
        "name": name,
        **facts,
        "pretraining": asdict(seen) if (seen := pretraining(entry)) else None,
        "pretraining_seeds": pretraining_seeds,
        "weights": weights
        and {
            "file": weights.file,
            "from": weights.origin,
            "sha256": weights.sha256,
            "layout": weights.layout,
            "here": weights.is_here,
        },
    }
