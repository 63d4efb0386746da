"""Behind every verb of a command line there is a function: public, documented, with the options as its arguments."""

from __future__ import annotations

import argparse
import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import pytest

import benchmarks.__main__
import benchmarks.studies.evidence.__main__
import benchmarks.studies.traps.__main__
import lvmmed_backbones.command.cli
import reports.cli
import tasks.__main__
from benchmarks.commands import GridOptions
from lvmmed_backbones.command.shell import SHOWING, verbs
from reports.reading.selection import Filters

VERBS = {
    verb.prog.removeprefix("python -m "): verb
    for shell in (
        benchmarks.__main__,
        benchmarks.studies.evidence.__main__,
        benchmarks.studies.traps.__main__,
        lvmmed_backbones.command.cli,
        reports.cli,
        tasks.__main__,
    )
    for verb in verbs(shell.parser())
}
REQUIRED = inspect.Parameter.empty


def options_of(verb: argparse.ArgumentParser) -> dict[str, Any]:
    """By the argument's name the default of each option that is not of how a result is shown, or REQUIRED."""
    return {
        action.dest: REQUIRED if action.required else action.default
        for action in verb._actions
        if action.dest not in ("help", "plugins", *SHOWING)
    }


def arguments_of(function: Callable) -> dict[str, Any]:
    """By its name the default of each argument, or REQUIRED; those of a TypedDict one by one."""
    arguments = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            options = {"Unpack[Filters]": Filters, "Unpack[GridOptions]": GridOptions}
            arguments |= dict.fromkeys(options[parameter.annotation].__annotations__)
        else:
            arguments[name] = parameter.default
    return arguments


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_the_options_of_a_verb_are_the_arguments_of_its_function(
    verb: argparse.ArgumentParser,
) -> None:
    assert options_of(verb) == arguments_of(resolve_name(verb.get_default("function")))


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_every_argument_is_explained(verb: argparse.ArgumentParser) -> None:
    function = resolve_name(verb.get_default("function"))
    _, _, parameters = (inspect.getdoc(function) or "").partition("Parameters\n----------\n")
    explained = set()
    for names in re.findall(r"^([*\w, ]+?)(?: : .+)?\n    \S", parameters, re.MULTILINE):
        explained |= set(names.replace("*", "").split(", "))
    assert set(inspect.signature(function).parameters) <= explained


def test_every_verb_of_every_command_line_is_here() -> None:
    """None is lost on the way through the parsers."""
    words = {
        "benchmarks": "run, plan, check, status, resume, show, verify, job",
        "benchmarks.studies.evidence": "sets, search, final, report",
        "benchmarks.studies.traps": "run",
        "lvmmed_backbones": "list, corpus build, corpus audit, corpus list, pretrain, export, add, convert, evaluate, "
        "doctor",
        "reports": "leaderboard, tables, compare, figures, site, export, push, merge, check, download, coverage",
        "tasks": "list, prepare, phantoms, check, show, versions, croissant",
    }
    expected = {f"{shell} {verb}" for shell, all_ in words.items() for verb in all_.split(", ")}
    assert set(VERBS) == expected


@pytest.mark.parametrize(
    "package",
    ["benchmarks", "lvmmed_backbones.pretrain", "lvmmed_backbones.corpus", "tasks", "reports"],
)
def test_a_package_imports_nothing_before_it_is_used(package: str) -> None:
    code = f"import sys, {package}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    slow = {"torch", "mmengine", "mmpretrain", "pandas", "scipy", "matplotlib", "pyarrow", "numpy"}
    assert not slow & set(done.stdout.split())


@pytest.mark.parametrize(
    "package",
    [
        "benchmarks",
        "benchmarks.studies.evidence",
        "benchmarks.studies.traps",
        "lvmmed_backbones.pretrain",
        "lvmmed_backbones.corpus",
        "tasks",
        "reports",
    ],
)
def test_a_package_shows_its_functions(package: str) -> None:
    """Whatever was imported of it before: no module takes the name of a function."""
    code = f"""
import importlib, inspect, pkgutil, {package} as package
for module in pkgutil.walk_packages(package.__path__, "{package}."):
    if not module.name.endswith("__main__") and ".configs." not in module.name:
        importlib.import_module(module.name)
print(*(name for name in package.__all__ if not inspect.ismodule(getattr(package, name))))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    module = resolve_name(package)
    assert done.stdout.split() == module.__all__
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nothing'"):
        module.nothing  # noqa: B018


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_the_package_shows_the_function_of_a_verb(verb: argparse.ArgumentParser) -> None:
    module, _, name = verb.get_default("function").partition(":")
    package = resolve_name(module.removesuffix(".commands"))
    assert getattr(package, name) is resolve_name(verb.get_default("function"))
    assert name in package.__all__


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_the_examples_in_its_docstring(verb: argparse.ArgumentParser) -> None:
    function = resolve_name(verb.get_default("function"))
    for example in doctest.DocTestFinder(recurse=False).find(function):
        assert doctest.DocTestRunner().run(example).failed == 0
