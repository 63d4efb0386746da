"""Whether the lead of a task's best backbone is more than chance: against each of the others, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports.analysis.leads import Opponent
from reports.render.text.comparison_text import p_text
from reports.render.text.leaderboard_text import NOTHING


@dataclass(frozen=True)
class OpponentText:
    """A row: a backbone that is compared with the best one, the verdict, and figures as they are shown."""

    backbone: str
    verdict: str
    difference: str
    interval: str
    p: str
    cases: str
    seeds: str


def opponent_text(one: Opponent) -> OpponentText:
    """An opponent in words."""
    tested, compared = one.verdict != "untested", not math.isnan(one.difference)
    return OpponentText(
        backbone=one.backbone,
        verdict=one.verdict,
        difference=f"{100 * one.difference:+z.1f}" if compared else NOTHING,
        interval=f"{100 * one.low:+z.1f} to {100 * one.high:+z.1f}" if tested else NOTHING,
        p=p_text(one.p).removeprefix("p ").removeprefix("= ") if tested else NOTHING,
        cases=str(one.cases or NOTHING),
        seeds=", ".join(dict.fromkeys(map(str, one.seeds))) if compared else NOTHING,
    )
