"""What the lead of a task's best backbone is worth: against each of the others, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.render.site.comparisons import comparable
from reports.scores import Scores
from reports.statistics.family import ALPHA, over_opponents
from reports.statistics.pairs import compare_pairs, pooled_variance
from reports.verdicts import p_text as chance
from reports.wording import NOTHING


@dataclass(frozen=True)
class Opponent:
    """A backbone that the best one is compared with.

    Attributes
    ----------
    backbone : str
        Its name.
    verdict : str
        Of the best one: 'better', 'worse' (on the cases that both have), 'open' or 'untested'.
    difference, interval, p, cases, seeds : str
        As shown.
    """

    backbone: str
    verdict: str
    difference: str = NOTHING
    interval: str = NOTHING
    p: str = NOTHING
    cases: str = NOTHING
    seeds: str = NOTHING


def compare_with_best(scores: Sequence[Scores]) -> list[Opponent]:
    """Every backbone of a task but the best, in their order.

    Parameters
    ----------
    scores : sequence of Scores
        Of the task's backbones, the best first.
    """
    chosen, apart = comparable(scores, [(0, other) for other in range(1, len(scores))])
    said = {other: Opponent(scores[other].backbone, "untested") for _, other in apart}
    if chosen:
        found = compare_pairs(scores, chosen)
        headlines = [one.headlines for one in scores]
        freedom = float(sum(len(some) - 1 for some in headlines))
        verdicts = over_opponents(
            found, np.array([pooled_variance(headlines)]), np.array([freedom]), len(scores)
        )
        for place, (_, other) in enumerate(chosen):
            seeds = [str(len(scores[one].seeds)) for one in (0, other)]
            low, high, p = verdicts.low[place], verdicts.high[place], verdicts.adjusted[place]
            tested = bool(np.isfinite(p))
            said[other] = Opponent(
                backbone=scores[other].backbone,
                verdict=verdict_on_best(found.difference[place], p),
                difference=f"{100 * found.difference[place]:+z.1f}",
                interval=f"{100 * low:+z.1f} to {100 * high:+z.1f}" if tested else NOTHING,
                p=chance(p).removeprefix("p ").removeprefix("= ") if tested else NOTHING,
                cases=str(found.cases[place] or NOTHING),
                seeds=", ".join(dict.fromkeys(seeds)),
            )
    return [said[other] for other in sorted(said)]


def verdict_on_best(difference: float, p: float) -> str:
    """What is said of the best one."""
    if np.isnan(p):
        return "untested"
    if p >= ALPHA:
        return "open"
    return "better" if difference > 0 else "worse"
