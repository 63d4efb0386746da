"""What all command lines share: the options of a verb become arguments of a function, its result becomes text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from pkgutil import resolve_name

from lvmmed_backbones.display import plain
from lvmmed_backbones.plugins import load

# These options say how a result is shown. All others are arguments of the function behind the verb.
SHOWING = ("json",)


def add_verb(
    verbs: argparse._SubParsersAction,
    name: str,
    text: str,
    function: str,
    show: Callable[..., int],
) -> Callable[..., argparse.Action]:
    """Add a verb to a command line.

    Parameters
    ----------
    verbs : argparse action
        What `add_subparsers` returned.
    name : str
        The verb.
    text : str
        What it does, in a few words.
    function, show : str, callable
        See `behind`.

    Returns
    -------
    callable
        The `add_argument` of the verb's parser.
    """
    verb = verbs.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    behind(verb, function, show)
    return verb.add_argument


def behind(verb: argparse.ArgumentParser, function: str, show: Callable[..., int]) -> None:
    """Name the function behind a verb, and add the option `--plugins`.

    Parameters
    ----------
    verb : ArgumentParser
        Its parser; every option has the name of an argument, or is in `SHOWING`.
    function : str
        Where it is, such as 'lvmmed_backbones.pretrain:run'; imported when it is called, so that --help needs nothing
        of it.
    show : callable
        Takes the result, and the options in `SHOWING`; says it on the terminal and returns the exit code.
    """
    verb.add_argument(
        "--plugins",
        nargs="+",
        default=(),
        metavar="FILE",
        help="Python files that register what they bring (lvmmed_backbones/plugins.py)",
    )
    verb.set_defaults(function=function, show=show)


def carry_out(options: argparse.Namespace) -> int:
    """Call the function behind the chosen verb, and show its result; return the exit code.

    Raises
    ------
    Exception
        Whatever the function raises.
    """
    arguments = vars(options)
    load(arguments.pop("plugins"))
    function, show = resolve_name(arguments.pop("function")), arguments.pop("show")
    options_of_show = {name: arguments.pop(name) for name in SHOWING if name in arguments}
    return show(function(**arguments), **options_of_show)


def show_paths(paths: Iterable[Path]) -> int:
    """Print paths, a line each; return the exit code."""
    for path in paths:
        print(plain(path))
    return 0


def verbs(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers that have a function behind them."""
    if parser.get_default("function"):
        yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from verbs(verb)
