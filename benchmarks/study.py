"""A study: a file that says which runs answer a question, and what is pretrained for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import yaml

from benchmarks import grid, profiles
from benchmarks.grid import RunSpec
from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.files.outside import MIB, Refused, read_text
from lvmmed_backbones.plugins import load
from lvmmed_backbones.records import RELEASE, SUITE, Override, Recipe
from tasks import registry

FOLDER = Path(__file__).parent / "studies"
DEFAULT_PROFILE = "open"
NAME = re.compile(r"[A-Za-z0-9][\w-]{0,63}", re.ASCII)
RUN = "Call `lvmmed run` as before: `resume` runs no file that a folder of results names"
REMEDY = "docs/studies.md tells what a study may say"


class Grid(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Every combination of some backbones, tasks, shares of the labels and seeds.

    Attributes
    ----------
    profile : str
        Size of the experiment.
    tasks, backbones, seeds : tuple or None
        None: the profile's; of the tasks those whose recipe there is.
    protocols : tuple of str or None
        Of the tasks only those with one of these protocols; None: all.
    label_fractions : tuple of float
        Shares of the training images, in (0, 1].
    split : str
        'published' or 'clean'.
    recipe : str
        'suite' or 'release'.
    overrides : dict of str to Override
        What every run changes in its task's config (`benchmarks.overrides`).
    """

    profile: str = DEFAULT_PROFILE
    tasks: tuple[str, ...] | None = None
    backbones: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    protocols: tuple[str, ...] | None = None
    label_fractions: tuple[float, ...] = (1.0,)
    split: str = "published"
    recipe: Recipe = SUITE
    overrides: dict[str, Override] = {}

    def cells(self) -> list[RunSpec]:
        """Return its runs, task by task.

        Raises
        ------
        ValueError
            As `grid.combinations`; if there is no such profile, or none of its tasks has the recipe or the protocols.
        """
        profile = profiles.get(self.profile)
        return grid.combinations(
            self._tasks(profile),
            self.backbones or profile.backbones,
            self.profile,
            self.seeds or profile.seeds,
            self.label_fractions,
            self.split,
            {} if self.seeds else profile.tasks,
            self.recipe,
            self.overrides,
        )

    def _tasks(self, profile: profiles.Profile) -> list[str]:
        tasks = list(self.tasks or profile.tasks or registry.paper_names())
        if self.recipe == RELEASE and not self.tasks:
            tasks = [task for task in tasks if task in registry.release_names()]
        if not tasks:
            raise ValueError(
                f"--recipe release: no task of profile {profile.name} has a released protocol. "
                f"Add --profile paper, or --tasks with some of {', '.join(registry.release_names())}"
            )
        if self.protocols is None:
            return tasks
        protocols = {task: registry.facts(task, self.recipe)["protocol"] for task in tasks}
        chosen = [task for task in tasks if protocols[task] in self.protocols]
        if not chosen:
            raise ValueError(
                f"protocols: no task has {' or '.join(self.protocols)}; "
                f"they have {', '.join(sorted({*protocols.values()}))}"
            )
        return chosen


class Study(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Some grids, whose runs answer a question.

    Attributes
    ----------
    name : str
        Name of its file.
    question : str
        What it answers, in a sentence.
    grids : tuple of Grid
        Cells that two of them have are run once.
    pretrained : dict of str to Pretraining
        Backbones, by name, that are pretrained before the runs.
    corpus : str or None
        Folder or URL of the corpus for that; None: the training images of the grids' tasks.
    published_only : tuple of str
        Rows of the paper that nobody can run, since their weights were never published.
    plugins : tuple of str
        Python files that register what the study brings.
    """

    name: str
    question: str
    grids: tuple[Grid, ...]
    pretrained: dict[str, profiles.Pretraining] = {}
    corpus: str | None = None
    published_only: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    def cells(self) -> list[RunSpec]:
        """Return the runs of all grids, each once.

        Raises
        ------
        ValueError
            As `Grid.cells`.
        """
        return list(dict.fromkeys(cell for grid_ in self.grids for cell in grid_.cells()))

    def pretrainings(self) -> dict[str, profiles.Pretraining]:
        """Return what is pretrained first, by the name of the backbone: the study's, and what its profiles have."""
        of_profiles = [profiles.get(grid_.profile).pretrained for grid_ in self.grids]
        return {name: p for some in of_profiles for name, p in some.items()} | self.pretrained


def shipped() -> list[str]:
    """Return the names of the studies that come with the suite."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def load_study(study: str | Path | None, /, *, code: bool = True, **given: Any) -> Study:
    """Return a study.

    Parameters
    ----------
    study : str, Path or None
        The name of one that comes with the suite, or a file, NAME.yaml or NAME.py; None: a grid of the defaults.
    code : bool, default True
        Load the Python files that the study brings; else refuse a study that brings any, as one named in somebody's
        folder of results may.
    **given
        Fields of `Grid` that replace those of each of its grids; None: they stay.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such study, or it says what it cannot; the message names the field.
    """
    file = None if study is None else _find(study)
    if file and file.suffix == ".py" and not code:
        raise Refused(file, "is a Python file", RUN)
    content = {} if file is None else _read(file)
    grids = content.pop("grids", None) or [{}]
    common = {name: content.pop(name) for name in Grid.__struct_fields__ if name in content}
    replaced = {name: value for name, value in given.items() if value is not None}
    if not isinstance(grids, list) or not all(isinstance(one, Mapping) for one in grids):
        raise Refused(file or "grids", "its grids are no list of grids", REMEDY)
    content["grids"] = [{**common, **one, **replaced} for one in grids]
    name = file.stem if file else "grid"
    try:
        found = msgspec.convert({"question": "", **content, "name": name}, Study)
    except msgspec.ValidationError as error:
        if file is None:
            raise ValueError(str(error)) from error
        raise Refused(file, str(error), REMEDY) from error
    if file is not None:  # its paths are beside it
        folder = file.parent
        pretrained = {
            name: replace(
                p, config=str(folder / p.config) if p.config.endswith(".py") else p.config
            )
            for name, p in found.pretrained.items()
        }
        plugins = tuple(str(folder / plugin) for plugin in found.plugins)
        found = msgspec.structs.replace(found, pretrained=pretrained, plugins=plugins)
        brought = [*plugins, *(p.config for p in pretrained.values() if p.config.endswith(".py"))]
        if brought and not code:
            raise Refused(file, f"brings a Python file, {brought[0]}", RUN)
        load(plugins)
    return found


def backbones_folder(work: Path) -> Path:
    """Return the folder of the backbones that studies pretrain."""
    return work / "backbones"


def backbone_file(work: Path, name: str, seed: int | None) -> Path:
    """Return the file of a backbone that a study pretrains, which is there once it is whole."""
    stem = name if seed is None else f"{name}/{seed}"
    return backbones_folder(work) / f"{stem}.safetensors"


def missing_backbones(
    pretrained: Mapping[str, profiles.Pretraining], work: Path
) -> list[tuple[str, int | None]]:
    """Return name and pretraining seed of each backbone that is not in `work` yet; no seed: it has one for all."""
    return [
        (name, seed)
        for name, pretraining in pretrained.items()
        for seed in pretraining.seeds or (None,)
        if not backbone_file(work, name, seed).is_file()
    ]


class _Loader(yaml.SafeLoader):
    """YAML's plain data, in which 1e-4 is a number, no name stands twice, and nothing refers to another place."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has a reference (*name). Write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        names = [self.construct_object(name, deep=True) for name, _ in node.value]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise yaml.YAMLError(f"it says {name!r} twice. Say it once")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"), list("-+0123456789")
)


def _find(study: str | Path) -> Path:
    """Return the file of a study."""
    file = Path(study)
    if str(study) in shipped():
        return FOLDER / f"{study}.yaml"
    if file.suffix not in (".yaml", ".yml", ".py"):
        raise unknown_name("study", str(study), shipped())
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such study. Name a file, or {', '.join(shipped())}")
    if not NAME.fullmatch(file.stem):
        raise ValueError(
            f"{file}: name it with letters, digits, _ and -, for its name is the study's"
        )
    return file


def _read(file: Path) -> dict[str, Any]:
    """Return what a study's file says."""
    if file.suffix == ".py":
        (module,) = load([file])
        content = getattr(module, "STUDY", None)
    else:
        text = read_text(file, most=MIB)
        try:
            content = yaml.load(text, _Loader)
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise Refused(file, f"is no YAML: {error}", "Mend it") from error
    if not isinstance(content, dict):
        raise Refused(
            file, "says no study: NAME: VALUE lines, or STUDY = dict(...) in Python", REMEDY
        )
    return dict(content)
