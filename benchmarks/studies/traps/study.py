"""Measure each trap for each seed, and make one table of all; what has a result is not measured again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from benchmarks.studies.traps import boxes, frozen, masks, published
from benchmarks.studies.traps.scores import Pair
from lvmmed_backbones.display import unknown_name
from lvmmed_backbones.files.outside import read_json, refusing
from lvmmed_backbones.files.writing import write_json
from lvmmed_backbones.layout.check import read_meta
from reports.render.files import as_csv, write_texts

AGAIN = "Remove it, and start the study again"


@dataclass(frozen=True)
class Trap:
    """A choice of the release, and how its worth is measured.

    Attributes
    ----------
    name : str
        What the choice is.
    rule : str
        Where docs/reproduction.md tells of it.
    measure : callable
        From the folder of prepared data sets, and a seed where something is drawn, to pairs of scores.
    data : tuple of str
        The data sets that it needs.
    seeded : bool
        Whether anything is drawn.
    """

    name: str
    rule: str
    measure: Callable[..., list[Pair]]
    data: tuple[str, ...]
    seeded: bool = True


# In an order in which what is trained for one serves the next.
TRAPS = {
    "input": Trap("input", "trap 5", masks.input_of_images, ("kvasir",)),
    "size": Trap("size of scoring", "box prompts", masks.size_of_scoring, ("kvasir",)),
    "ious": Trap("two 3D IoUs", "trap 1", masks.two_3d_ious, ("hippocampus",)),
    "class": Trap("one class", "trap 3", masks.one_class, ("hippocampus",)),
    "input-frozen": Trap("input", "trap 5", frozen.input_of_images, ("brain_tumor",)),
    "mode": Trap("training mode", "trap 9", frozen.statistics_in_training_mode, ("brain_tumor",)),
    "transforms": Trap("random tests", "trap 8", frozen.random_test_transforms, ("brain_tumor",)),
    "patches": Trap("random first layer", "trap 6", frozen.random_first_layer, ("brain_tumor",)),
    "noise": Trap("noise of test boxes", "box prompts", boxes.noise_in_testing, ("kvasir",)),
    "slices": Trap("boxes by slices", "trap 4", boxes.slices_as_height, ("kvasir",), False),
    "size-best": Trap(
        "size of scoring", "box prompts", masks.size_of_scoring_at_best, ("drive",), False
    ),
    "deviation": Trap("deviation", "trap 12", published.deviation, (), False),
}


def run(
    *,
    prepared: Path,
    out: Path,
    traps: Sequence[str] | None = None,
    seeds: Sequence[int] = (0, 1, 2),
) -> list[Path]:
    """Measure what has no result yet, and make one table of all: `python -m benchmarks.studies.traps run`.

    Parameters
    ----------
    prepared : Path
        Folder of prepared data sets: brain_tumor, kvasir, drive, hippocampus.
    out : Path
        Folder for the results, a file for each trap and seed, and for traps.csv and traps.md.
    traps : sequence of str, optional
        Keys of `TRAPS`; None: all.
    seeds : sequence of int, default (0, 1, 2)
        Of whatever is drawn.

    Returns
    -------
    list of Path
        traps.csv and traps.md.

    Raises
    ------
    ValueError
        If there is no such trap.
    FileNotFoundError
        If a data set is not there; before anything is measured.
    Refused
        If a result is none.
    """
    chosen = list(traps or TRAPS)
    for name in chosen:
        if name not in TRAPS:
            raise unknown_name("trap", name, list(TRAPS))
    for name in sorted({data for trap in chosen for data in TRAPS[trap].data}):
        read_meta(prepared / name)
    jobs: list[tuple[str, int | None]] = [
        (name, seed) for seed in seeds for name in chosen if TRAPS[name].seeded
    ]
    jobs += [(name, None) for name in chosen if not TRAPS[name].seeded]
    rows = []
    out.mkdir(parents=True, exist_ok=True)
    for name, seed in tqdm(jobs, desc="traps", unit="run"):
        file = out / f"{name}.json" if seed is None else out / f"{name}-{seed}.json"
        if not file.is_file():
            drawn = () if seed is None else (seed,)
            pairs = TRAPS[name].measure(prepared, *drawn)
            write_json(file, [pair._asdict() for pair in pairs])
        rows += [dict(trap=name, **pair._asdict()) for pair in read_pairs(file)]
    frame = pd.DataFrame(rows)
    order = {name: number for number, name in enumerate(TRAPS)}
    table = summary(frame.sort_values("trap", key=lambda names: names.map(order), kind="stable"))
    return write_texts(out, {"traps.csv": as_csv(table), "traps.md": markdown(table)})


def read_pairs(file: Path) -> list[Pair]:
    """Read the result of a trap and a seed. Raises Refused if it is none."""
    content: Any = read_json(file, AGAIN, within=file.parent)
    with refusing(file, AGAIN, "is no result of the study"):
        if not isinstance(content, list):
            raise TypeError("no list of scores")
        pairs = [Pair(**row) for row in content]
        for pair in pairs:
            float(pair.released), float(pair.sound)
        return pairs


def summary(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each case: means, sample deviations over the seeds, their paired difference, published gaps.

    Parameters
    ----------
    rows : DataFrame
        `trap`, and the fields of `Pair`, of each seed.
    """
    rows = rows.assign(difference=rows["released"] - rows["sound"])
    groups = rows.groupby(["trap", "case", "metric"], sort=False)
    table = groups[["released", "sound", "difference"]].agg(["mean", "std"])
    table.columns = [f"{name}_{what}" for name, what in table.columns]
    table.insert(0, "seeds", groups["seed"].count())
    gaps = published.gaps().drop(columns="columns").add_prefix("published_")
    return table.reset_index().merge(gaps, how="left", left_on="metric", right_index=True)


def markdown(table: pd.DataFrame) -> str:
    """Return the table as Markdown; gaps between methods are the medians of the published tables 2 to 5."""
    head = (
        "trap", "what", "released", "sound", "difference",
        "published: lead of the best", "between neighbours in rank",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "---:|" * 5]
    for _, row in table.iterrows():
        trap = TRAPS[row["trap"]]
        cells = [f"{trap.name} ({trap.rule})", row["case"]]
        cells += [_figure(row, key) for key in ("released", "sound", "difference")]
        cells += [_number(row[key]) for key in ("published_lead", "published_neighbours")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _figure(row: pd.Series, key: str) -> str:
    mean, spread = row[f"{key}_mean"], row[f"{key}_std"]
    sign = "+" if key == "difference" else ""
    text = f"{mean:{sign}.2f}".replace("-", "−")
    return text if pd.isna(spread) else f"{text} ± {spread:.2f}"


def _number(value: float) -> str:
    return "" if pd.isna(value) else f"{value:.2f}"
