"""All tables that were asked for, in every setting that was measured."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from reports.agreement import Setting, setting
from reports.leaderboard import order
from reports.records import Record
from reports.tables.layout import Layout
from reports.tables.wording import Table, table


def tables(
    layouts: Sequence[Layout], figures: pd.DataFrame, records: Sequence[Record]
) -> tuple[list[Table], list[str]]:
    """Each table with the published figures, and once for each setting with measured figures in it.

    Rows of a table may differ in the split, which they name; in nothing else.

    Args:
        figures: `reports.published.read`.
        records: that agree with each other (`reports.agreement.agreeing`); none: published alone.

    Returns:
        The tables, and a sentence for each record whose cases cannot be read.
    """
    problems: list[str] = []
    settings = sorted({whole(setting(r)) for r in records}, key=order)
    by_setting = [(one, [r for r in records if whole(setting(r)) == one]) for one in settings]
    made: list[Table] = []
    for layout in layouts:
        filled = [table(layout, figures, one, some, problems) for one, some in by_setting]
        with_measured = [one for one in filled if one.setting is not None]
        made += with_measured or [table(layout, figures, None, [], problems)]
    return made, list(dict.fromkeys(problems))


def whole(one: Setting) -> Setting:
    """The setting, whatever its split."""
    return one._replace(split="published")
