"""A file that a user adds to one of our packages, as the README invites to: what is wrong with it is one line."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from benchmarks import profiles
from benchmarks.profiles import Budget
from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue import entries
from lvmmed_backbones.importing import import_added
from lvmmed_backbones.pretrain import methods
from tasks import datasets, phantoms
from tasks.datasets import cards

NUMBERS = itertools.count()  # a name of its own for each file, since Python keeps modules
PLACES: list[tuple[ModuleType, Callable[[str], Any]]] = [
    (profiles, profiles.get),
    (entries, catalogue.get),
    (cards, lambda name: datasets.names()),
    (phantoms, lambda name: phantoms.names()),
    (methods, lambda name: import_added(methods.__name__, name)),
]
BROKEN = [
    ("x = (", "SyntaxError: '(' was never closed"),
    ("import nothing_here", "ModuleNotFoundError: No module named 'nothing_here'"),
    ("1 / 0", "ZeroDivisionError: division by zero"),
]


@pytest.fixture
def add(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType, str], Path]:
    """Add a file to a package, as if it lay in its folder."""

    def added(package: ModuleType, text: str) -> Path:
        file = tmp_path / f"added_{next(NUMBERS)}.py"
        file.write_text(text)
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
        importlib.invalidate_caches()
        return file

    return added


@pytest.mark.parametrize(("text", "message"), BROKEN)
@pytest.mark.parametrize(
    ("package", "use"), PLACES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_broken_file_is_named_in_one_line(
    package: ModuleType, use: Callable, text: str, message: str, add: Callable
) -> None:
    file = add(package, text)
    with pytest.raises(ValueError) as raised:
        use(file.stem)
    assert str(raised.value).startswith(f"{file}: {message}")
    assert str(raised.value).endswith(". Mend or remove this file")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("package", "use", "text", "defines"),
    [
        (profiles, profiles.get, "PROFIL = 1", "PROFILE = Profile(...)"),
        (profiles, profiles.get, "PROFILE = 1", "PROFILE = Profile(...)"),
        (entries, catalogue.get, "ENTRI = 1", "ENTRY = Entry(...)"),
        (entries, catalogue.get, "ENTRY = dict()", "ENTRY = Entry(...)"),
    ],
)
def test_a_file_without_what_it_must_define_is_named(
    package: ModuleType, use: Callable, text: str, defines: str, add: Callable
) -> None:
    file = add(package, text)
    with pytest.raises(ValueError) as raised:
        use(file.stem)
    assert str(raised.value) == f"{file}: it must define {defines}. Mend or remove this file"


def test_a_broken_backbone_does_not_hide_the_others(add: Callable) -> None:
    file = add(entries, "x = (")
    backbones, problems = catalogue.list_backbones()
    assert len(backbones) > 20 and sum(str(file) in problem for problem in problems) == 1


def test_a_right_file_is_used(add: Callable) -> None:
    file = add(profiles, "from dataclasses import replace\nfrom benchmarks.profiles import get\n")
    file.write_text(f"{file.read_text()}PROFILE = replace(get('mini'), name={file.stem!r})\n")
    assert profiles.get(file.stem).name == file.stem and file.stem in profiles.names()
    assert f"benchmarks.profiles.{file.stem}" in sys.modules


def test_a_missing_extra_keeps_its_remedy(add: Callable) -> None:
    text = (
        "from lvmmed_backbones.importing import needing\nwith needing('ray'): import nothing_here"
    )
    file = add(methods, text)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'lvmmed-backbones\[ray\]'"):
        import_added(methods.__name__, file.stem)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(iterations=0), "Budget: iterations=0: give a whole number >= 1"),
        (dict(batch_size=2.0), "Budget: batch_size=2.0: give a whole number >= 1"),
        (dict(image_size=-1), "Budget: image_size=-1: give a whole number >= 1"),
        (dict(validations=11), "Budget: validations=11: give 0 to 10, the iterations"),
    ],
)
def test_a_budget_that_trains_nothing_is_refused(changes: dict, message: str) -> None:
    right = dict(image_size=64, batch_size=4, iterations=10, optimizer={}, validations=1, seconds=1)
    Budget(**right)
    with pytest.raises(ValueError) as raised:
        Budget(**{**right, **changes})
    assert str(raised.value) == message
