"""How often whole comparisons err, and how often they find a lead: simulated studies, the tables of docs/statistics.md.

A family is the comparison of two backbones on T tasks; a page is that of the best of K backbones of a task with the
others. Both say of equals in about 5 % of studies, once for all of it, that some differ.

Run: python -m reports.statistics.error_rates [--studies N]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import groupby, product
from operator import itemgetter

import numpy as np
from tqdm import tqdm

from reports.reading.scores import Scores
from reports.statistics.family import ALPHA, over_opponents, over_tasks
from reports.statistics.pairs import compare_pairs, join_pairs, pooled_variance
from reports.statistics.simulation import World, simulate_backbone

SEEDS, TASKS, BACKBONES, CASES = (2, 3, 5), (2, 5, 15), (2, 8, 20), (20, 500)
LEAD = 0.05  # of one backbone, where power is asked for


WORLDS = (
    World("seeds and cases", 0.01),
    World("seeds more than cases", 0.03),
    World("cases alone", 0.0, noise=0.0),
    World("mAP50: seeds alone", 0.02, case=0.0, own=0.0, noise=0.0, pooled=True),
    World("right or wrong", 0.02, own=0.05, noise=0.0, binary=True),
    World("seeds differ by task and backbone", 0.02, uneven=0.5),
)


def _simulate_task(
    world: World, seeds: int, cases: int, leads: Sequence[float], rng: np.random.Generator
) -> list[Scores]:
    """The scores of a backbone per lead on one task."""
    shared = world.case * rng.normal(size=cases)
    strata = np.zeros(cases, np.int64)
    scores = []
    for number, lead in enumerate(leads):
        spread = world.seed * np.exp(world.uneven * rng.normal())
        name = f"{number:02}"
        scores.append(simulate_backbone(name, world, strata, shared, rng, seeds, spread, lead))
    return scores


def family_findings(
    world: World, seeds: int, cases: int, tasks: int, lead: float, number: int
) -> np.ndarray:
    """(N, T) whether a difference of two backbones counts, the first one ahead by `lead` on the first task."""
    rng = np.random.default_rng(0)
    leads = [[lead, 0.0], *([0.0, 0.0] for _ in range(tasks - 1))]
    studies = [
        join_pairs([compare_pairs(_simulate_task(world, seeds, cases, ls, rng)) for ls in leads])
        for _ in range(number)
    ]
    return over_tasks(join_pairs(studies, np.stack)).adjusted < ALPHA


def page_findings(
    world: World, seeds: int, cases: int, backbones: int, lead: float, number: int
) -> np.ndarray:
    """(N, K - 1) whether the lead of the best over each other one counts; the first is ahead of all by `lead`."""
    rng = np.random.default_rng(1)
    pairs, by_run = [], []
    for _ in range(number):
        scores = _simulate_task(world, seeds, cases, [lead, *[0] * (backbones - 1)], rng)
        scores.sort(key=lambda s: -s.headlines.mean())
        pairs.append(compare_pairs(scores, [(0, other) for other in range(1, backbones)]))
        by_run.append(pooled_variance([s.headlines for s in scores]))
    freedom = np.full((number, 1), float(backbones * (seeds - 1)))
    of_seeds = np.array(by_run)[:, None]
    return over_opponents(join_pairs(pairs, np.stack), of_seeds, freedom, backbones).low > 0


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=4000, help="of each kind (4000)")
    number = parser.parse_args().studies
    kinds = [*((family_findings, t) for t in TASKS), *((page_findings, k) for k in BACKBONES)]
    heads = [*(f"{t} tasks" for t in TASKS), *(f"{k} backbones" for k in BACKBONES)]
    rows = [(0.0, world) for world in WORLDS] + [(LEAD, WORLDS[0])]
    progress = tqdm(total=len(rows) * len(CASES) * len(SEEDS), unit="row", disable=None)
    for lead, worlds in groupby(rows, itemgetter(0)):
        title = (
            f"A lead of {100 * lead:.0f} points is found"
            if lead
            else "Something is found among equals"
        )
        print(f"\n{title}, percent of {number} studies\n")
        print(f"| scores | seeds | cases | {' | '.join(heads)} |")
        print(f"|---|---|---|{'---|' * len(heads)}")
        for (_, world), cases, seeds in product(worlds, CASES, SEEDS):
            if world.pooled and cases != CASES[0]:
                continue
            counts = [study(world, seeds, cases, size, lead, number) for study, size in kinds]
            # Of a lead: over the other backbone, on its task; over all the others, on a page.
            shares = [
                100
                * np.mean(
                    c.any(1) if not lead else c[:, 0] if study is family_findings else c.all(1)
                )
                for c, (study, _) in zip(counts, kinds, strict=True)
            ]
            figures = " | ".join(f"{share:.1f}" for share in shares)
            print(
                f"| {world.title} | {seeds} | {'–' if world.pooled else cases} | {figures} |",
                flush=True,
            )
            progress.update()


if __name__ == "__main__":
    main()
