"""Whether the lead of a task's best backbone is more than chance: against each of the others, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reports.analysis.compare import verdict_on
from reports.reading.scores import Scores
from reports.render.site.comparisons import comparable
from reports.render.text.comparison_text import p_text
from reports.render.text.leaderboard_text import NOTHING
from reports.statistics.family import over_opponents
from reports.statistics.pairs import compare_pairs, pooled_variance


@dataclass(frozen=True)
class Opponent:
    """A backbone that is compared with the best one.

    Attributes
    ----------
    backbone : str
        Name of the backbone.
    verdict : str
        The best one is 'better', 'worse' (on the cases that both have), 'open' or 'untested'.
    difference, interval, p, cases, seeds : str
        Figures as they are shown.
    """

    backbone: str
    verdict: str
    difference: str = NOTHING
    interval: str = NOTHING
    p: str = NOTHING
    cases: str = NOTHING
    seeds: str = NOTHING


def compare_with_best(scores: Sequence[Scores]) -> list[Opponent]:
    """Every backbone of a task but the best, in their order; `scores` has the best backbone first."""
    chosen, apart = comparable(scores, [(0, other) for other in range(1, len(scores))])
    opponents = {other: Opponent(scores[other].backbone, "untested") for _, other in apart}
    if chosen:
        pairs = compare_pairs(scores, chosen)
        headlines = [s.headlines for s in scores]
        freedom = float(sum(len(values) - 1 for values in headlines))
        by_run = np.array([pooled_variance(headlines)])
        verdicts = over_opponents(pairs, by_run, np.array([freedom]), len(scores))
        for place, (_, other) in enumerate(chosen):
            seeds = dict.fromkeys(str(len(scores[number].seeds)) for number in (0, other))
            low, high, p = verdicts.low[place], verdicts.high[place], verdicts.adjusted[place]
            tested, verdict = bool(np.isfinite(p)), verdict_on(pairs.difference[place], p)
            opponents[other] = Opponent(
                backbone=scores[other].backbone,
                verdict={"A": "better", "B": "worse"}.get(verdict, verdict),
                difference=f"{100 * pairs.difference[place]:+z.1f}",
                interval=f"{100 * low:+z.1f} to {100 * high:+z.1f}" if tested else NOTHING,
                p=p_text(p).removeprefix("p ").removeprefix("= ") if tested else NOTHING,
                cases=str(pairs.cases[place] or NOTHING),
                seeds=", ".join(seeds),
            )
    return [opponents[other] for other in sorted(opponents)]
