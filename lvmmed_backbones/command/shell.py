"""What all command lines share: a verb's words become the arguments of a function, its result becomes text."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pkgutil import resolve_name

from lvmmed_backbones.plugins import load

# Options of how a result is shown. All others are arguments of the function behind the verb.
SHOWING = ("json",)


def behind(verb: argparse.ArgumentParser, function: str, show: Callable[..., int]) -> None:
    """Name the function behind a verb.

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
    """Call the function behind the verb that was chosen, and show its result; the exit code.

    Raises
    ------
    Exception
        Whatever the function raises.
    """
    arguments = vars(options)
    load(arguments.pop("plugins"))
    function, show = resolve_name(arguments.pop("function")), arguments.pop("show")
    shown = {name: arguments.pop(name) for name in SHOWING if name in arguments}
    return show(function(**arguments), **shown)


def verbs(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers that have a function behind them."""
    if parser.get_default("function"):
        yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from verbs(verb)
