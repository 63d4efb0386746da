"""What goes with a better score: measures of pretrainings against scores, between methods and within their searches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata, spearmanr

from benchmarks.studies.evidence.methods import HEAD, RATE
from benchmarks.studies.evidence.results import Result

LEAST_ROWS = 5  # for a correlation between methods
LEAST_SETTINGS = 8  # of a method, for one within its search
PERMUTATIONS = 9999
MEASURES = {  # title, factor and digits
    "last accuracy": ("matched in training", 100, 0),
    "vertices": ("by vertices alone", 100, 0),
    "corrected": ("corrected by edges", 100, 0),
    "broken": ("broken by edges", 100, 0),
    "agreement": ("agreement of gradients", 1, 2),
    "alignment": ("alignment", 1, 2),
    "uniformity": ("uniformity", 1, 2),
    "last effective_rank": ("effective rank", 1, 0),
}
SIZE = f"{HEAD}.graph_size"
OF_SEARCHES = {
    "last loss": "loss, last steps",
    "last accuracy": "matched, last steps",
    "last accuracy_without_noise": "by vertices alone, last steps",
    "last effective_rank": "effective rank",
    "last spread": "spread of the features",
    SIZE: "images of a graph",
    f"{HEAD}.noise": "noise",
}


def between_methods(title: str, results: Sequence[Result]) -> str:
    """Rank correlations of measures with scores, over methods and variants; a row is the mean over its seeds."""
    rows = pd.DataFrame([{"method": r.method, "score": r.score, **r.measures} for r in results])
    means = rows.groupby("method").mean()
    lines = []
    for key, (name, _, _) in MEASURES.items():
        both = means[["score", key]].dropna() if key in means else means[:0]
        if len(both) >= LEAST_ROWS and both[key].nunique() > 1:
            found = spearmanr(both[key], both["score"])
            lines.append(f"| {name} | {len(both)} | {found.statistic:+.2f} | {found.pvalue:.2g} |")
    if not lines:
        return ""
    return "\n".join(
        [
            f"## {title}\n",
            "Spearman's rank correlation of a measure and the score, over the methods and variants that have the "
            "measure; p is of each alone.\n",
            "| measure | methods | correlation | p |",
            "|---|---:|---:|---:|",
            *lines,
        ]
    )


def within_searches(title: str, searched: Sequence[Result]) -> str:
    """Rank correlations within the settings of a method, all methods together, and what they would have chosen.

    Ranks are those within a method, so that no difference of two methods is part of it. *At equal rate*: the partial
    correlation, of what is left of both ranks after a regression on the rank of the learning rate (MG Kendall,
    Biometrika 1942); *and size*: and on that of the size of the graphs, where it was searched.

    Parameters
    ----------
    searched : sequence of Result
        Of one rung.
    """
    rows = pd.DataFrame(
        [{"method": r.method, "score": 100 * r.score, **r.changes, **r.measures} for r in searched]
    )
    lines = []
    for key, name in OF_SEARCHES.items():
        groups = _settings_with(rows, key)
        if not groups:
            continue
        runs = sum(map(len, groups))
        plain, _ = _pooled(groups, key, ())
        cells = [f"{plain:+.2f}"]
        for given in ((RATE,), (RATE, SIZE)):
            partial, p = _pooled(groups, key, given) if key not in given else (np.nan, np.nan)
            cells += ["", ""] if np.isnan(partial) else [f"{partial:+.2f}", f"{p:.2g}"]
        lines.append(f"| {name} | {len(groups)} | {runs} | {' | '.join(cells)} |")
    if not lines:
        return ""
    return "\n".join(
        [
            f"## {title}\n",
            "Rank correlation of a measure, or of a setting, and the score within the settings of each method, all "
            "methods together. At equal rate, and at equal rate and size of the graphs: the partial correlation, and "
            "its p by permutation within methods, of each alone.\n",
            "| measure or setting | methods | runs | correlation | at equal rate | p | at equal rate and size | p |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
            *lines,
            "",
            *_chosen_without_labels(rows),
        ]
    )


def _settings_with(rows: pd.DataFrame, key: str) -> list[pd.DataFrame]:
    """The runs of each method that has a measure in enough settings, and in more than one value."""
    if key not in rows:
        return []
    groups = [group for _, group in rows.dropna(subset=[key, RATE]).groupby("method", sort=False)]
    groups = [group for group in groups if len(group) >= LEAST_SETTINGS]
    return [g for g in groups if g[key].nunique() > 1 and g["score"].nunique() > 1]


def _pooled(groups: Sequence[pd.DataFrame], key: str, given: Sequence[str]) -> tuple[float, float]:
    """The correlation of ranks within groups, other columns being equal, and its p by permutation within groups."""
    pairs = []
    for group in groups:
        held = [name for name in given if name in group and group[name].notna().all()]
        known = np.column_stack([np.ones(len(group)), *(rankdata(group[name]) for name in held)])
        both = np.column_stack([rankdata(group[key]), rankdata(group["score"])])
        pairs.append(both - known @ np.linalg.lstsq(known, both)[0])
    size = np.sqrt(np.prod(np.sum([(pair**2).sum(0) for pair in pairs], axis=0)))
    rng = np.random.default_rng(0)
    found = sum(one @ other for one, other in (pair.T for pair in pairs)) / size
    chance = sum(
        rng.permuted(np.tile(other, (PERMUTATIONS, 1)), axis=1) @ one
        for one, other in (pair.T for pair in pairs)
    )
    as_far = np.abs(chance / size) >= abs(found) - 1e-12
    return float(found), (1 + int(as_far.sum())) / (1 + PERMUTATIONS)


def _chosen_without_labels(rows: pd.DataFrame) -> list[str]:
    """A table of what the score would be, were a setting chosen by its curve or its rate."""
    chosen = {
        "lowest loss": ("last loss", pd.Series.idxmin),
        "most images matched": ("last accuracy", pd.Series.idxmax),
        "highest effective rank": ("last effective_rank", pd.Series.idxmax),
        "highest rate": (RATE, pd.Series.idxmax),
    }
    table = {}
    for group in _settings_with(rows, RATE):
        scores = group["score"]
        table[group["method"].iloc[0]] = {"best": scores.max(), "mean": scores.mean()} | {
            title: scores[choose(group[key])]
            for title, (key, choose) in chosen.items()
            if key in group and group[key].notna().all()
        }
    shown = pd.DataFrame(table).T.reindex(columns=["best", "mean", *chosen])
    return [
        "Score of the setting that would be chosen without labels:\n",
        f"| method | {' | '.join(shown)} |",
        "|---|" + "---:|" * len(shown.columns),
        *(
            f"| {name} | {' | '.join('' if np.isnan(x) else f'{x:.1f}' for x in row)} |"
            for name, row in shown.iterrows()
        ),
    ]
