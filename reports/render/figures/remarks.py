"""Which backbones a figure has room for, and sentences that stand under several figures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from reports.render.figures.style import Look
from reports.scores import Scores
from reports.statistics.ranks import DECIMALS
from reports.wording import plural

MOST_SHOWN = 40  # backbones of a figure: with more rows it is taller than a page, and no reader tells its lines apart
MOST_NAMED = 6  # in a sentence


def leading_names(scores: Mapping[str, float]) -> list[str]:
    """The names of those that a figure shows, at most `MOST`: the highest score first, equal ones by the alphabet."""
    return sorted(scores, key=lambda name: (-round(scores[name], DECIMALS), name))[:MOST_SHOWN]


def best_of_note(number: int) -> str:
    """How many of so many backbones are shown, as a sentence; nothing if all are."""
    return f"The best {MOST_SHOWN} of {number} backbones." if number > MOST_SHOWN else ""


def ties_note(scores: Mapping[str, float], styles: Mapping[str, Look]) -> str:
    """Which backbones score the same, so that their order tells nothing, as a sentence; nothing if none do."""
    same: dict[float, list[str]] = defaultdict(list)
    for name in leading_names(scores):
        same[round(scores[name], DECIMALS)].append(styles[name].name)
    ties = [list_names(names) for names in same.values() if len(names) > 1]
    return f"Equal, in alphabetical order: {list_names(ties, '; ')}." if ties else ""


def one_seed_note(scored: Sequence[Scores]) -> str:
    """That single seeds tell nothing of others, as a sentence; nothing if every backbone has several."""
    fewest, most = (f(len(one.seeds) for one in scored) for f in (min, max))
    if most == 1:
        return "One seed each: says nothing of other seeds."
    return "One seed of some: says nothing of their other seeds." if fewest == 1 else ""


def seed_range(scored: Sequence[Scores]) -> str:
    """Over how many seeds."""
    numbers = sorted({len(one.seeds) for one in scored})
    if len(numbers) == 1:
        return plural(numbers[0], "seed")
    return f"{numbers[0]} to {numbers[-1]} seeds"


def list_names(names: Sequence[str], between: str = ", ") -> str:
    """Names in a row, the first few of them."""
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return between.join([*names[:MOST_NAMED], *more])


def join_sentences(sentences: Iterable[str]) -> str:
    """The sentences that say something, as one text."""
    return " ".join(filter(None, sentences))
