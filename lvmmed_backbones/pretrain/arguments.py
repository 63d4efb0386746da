"""Check what a config gives to a part: each argument against its annotation, which has its type and range."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.inspect import type_info

from lvmmed_backbones.display import unknown_name

Init = TypeVar("Init", bound=Callable[..., None])

MOST = 1e12  # of a number: as for the solver

Count: TypeAlias = Annotated[int, Meta(ge=1)]
CountOrZero: TypeAlias = Annotated[int, Meta(ge=0)]
Positive: TypeAlias = Annotated[float, Meta(gt=0, le=MOST)]
PositiveOrZero: TypeAlias = Annotated[float, Meta(ge=0, le=MOST)]
Number: TypeAlias = Annotated[float, Meta(ge=-MOST, le=MOST)]
Share: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
ShareBelowOne: TypeAlias = Annotated[float, Meta(ge=0, lt=1)]

TYPES = {
    "IntType": "a whole number",
    "FloatType": "a number",
    "StrType": "a text",
    "BoolType": "True or False",
    "DictType": "a dict",
    "NoneType": "None",
}
BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def checked(init: Init) -> Init:
    """Check the arguments of a part before its `__init__` runs, as `check_arguments` does.

    Raises
    ------
    ValueError
        From the part: as `check_arguments`; if it has no argument of a name, or a needed one is missing.
    """
    signature = inspect.signature(init)
    _, *taken = signature.parameters.values()
    names = [parameter.name for parameter in taken if parameter.kind != parameter.VAR_KEYWORD]

    @wraps(init)
    def call(part: Any, *values: Any, **named: Any) -> None:
        if len(names) == len(taken):  # else another class takes the others
            for name in named.keys() - set(names):
                raise unknown_name("argument", name, names)
        try:
            given = signature.bind(part, *values, **named)
        except TypeError as error:
            raise ValueError(str(error)) from error
        check_arguments(init, given.arguments)
        init(part, *values, **named)

    return call  # type: ignore[return-value]


def check_arguments(init: Callable[..., None], given: Mapping[str, Any]) -> None:
    """Check values against the annotations of a function's arguments of the same names; others are left alone.

    Parameters
    ----------
    init : callable
        Annotations other than numbers, texts, bools, choices (`Literal`), dicts and None are not checked.
    given : mapping
        Values by name.

    Raises
    ------
    ValueError
        Naming the argument, its value and what it must be.
    """
    hints = get_type_hints(init, include_extras=True)
    for name in given.keys() & hints.keys():
        hint, value = hints[name], given[name]
        choice = get_origin(hint) is Literal
        words = f"one of {', '.join(get_args(hint))}" if choice else _words(type_info(hint))
        try:
            if words:
                msgspec.convert(value.item() if isinstance(value, np.generic) else value, hint)
        except msgspec.ValidationError as error:
            raise ValueError(f"{name} is {value!r}, must be {words}") from error


def _words(kind: Any) -> str:
    """Say in words what values a type has; an empty text if it is of another kind."""
    if isinstance(kind, msgspec.inspect.UnionType):
        parts = [_words(part) for part in kind.types]
        return " or ".join(parts) if all(parts) else ""
    words = TYPES.get(type(kind).__name__, "")
    limits = ((word, getattr(kind, name, None)) for name, word in BOUNDS.items())
    bounds = [f"{word} {limit:g}" for word, limit in limits if limit is not None]
    return f"{words} {' and '.join(bounds)}" if words and bounds else words
