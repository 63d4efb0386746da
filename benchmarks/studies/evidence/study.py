"""Pretrain methods, export and probe them; what has a result is not done again."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

import benchmarks.studies.evidence.ideas  # noqa: F401  heads that a config may name
from benchmarks.scheduler.devices import slots
from benchmarks.studies.evidence.measures import measure
from benchmarks.studies.evidence.methods import (
    ALL,
    COMMON,
    EPOCHS,
    KEPT,
    METHODS,
    SEARCH_SEED,
    SEEDS,
    Setting,
)
from benchmarks.studies.evidence.probe import probe
from benchmarks.studies.evidence.probe_sets import FINAL, SEARCH, fingerprint, read_sets
from benchmarks.studies.evidence.results import Result, read_results, write_result
from lvmmed_backbones import catalogue
from lvmmed_backbones import pretrain as pretraining
from lvmmed_backbones.catalogue.exported import read_entry, read_facts
from lvmmed_backbones.corpus.manifest import read_summary
from lvmmed_backbones.forking import forked_from
from lvmmed_backbones.models import from_config
from lvmmed_backbones.stopping import die_with_parent
from reports.reading.curves import read_curves

LOG = "log.txt"
SIZE = 64
AVERAGED = 50  # steps at either end of a curve
CURVES = (
    "loss",
    "accuracy",
    "accuracy_without_noise",
    "second_order_share",
    "effective_rank",
    "spread",
)


@dataclass(frozen=True)
class _Job:
    """A setting of a method with a seed, and where its images lie."""

    method: str
    setting: int
    epochs: int
    seed: int
    part: str
    corpus: Path
    sets: Path
    work: Path
    results: Path
    threads: int

    @property
    def name(self) -> str:
        return f"{self.method}-{self.setting:02}-{self.epochs}-{self.seed}"

    @property
    def changes(self) -> Setting:
        return ALL[self.method].settings()[self.setting]


def search(
    *,
    corpus: Path,
    sets: Path,
    work: Path,
    results: Path,
    methods: Sequence[str] = tuple(METHODS),
    rung: int = len(EPOCHS),
    jobs: int | None = None,
) -> list[Path]:
    """Search the settings of methods by successive halving: `python -m benchmarks.studies.evidence search`.

    All methods go through a rung together. The settings with the best mean score of the search parts go on to the next
    rung, where they begin anew with more epochs.

    Parameters
    ----------
    corpus : Path
        A corpus without the judged images.
    sets : Path
        What `sets` wrote.
    work : Path
        Folder of checkpoints, curves and logs; what has a result is deleted from it.
    results : Path
        Folder of a file for each run; a run that has one is not done again.
    methods : sequence of str, default all
        Of `METHODS`.
    rung : int, default 3
        The last rung, from 1.
    jobs : int, optional
        Runs at a time, which share the cores; None: one per core.

    Returns
    -------
    list of Path
        The results of the last rung.

    Raises
    ------
    ValueError
        If there is no such rung, `jobs` is below 1, or the results in the folder are of another corpus or of other
        judged images.
    OSError
        If corpus or sets cannot be read.
    RuntimeError
        At the first run that fails; the message names its log.

    References
    ----------
    Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", AISTATS 2016.
    """
    at, rungs = _Places(corpus, sets, work, results, _at_once(jobs)), range(_checked(rung))
    at.check()
    planned: list[_Job] = []
    for done in rungs:
        planned = [
            at.job(name, setting, EPOCHS[done], SEARCH_SEED, SEARCH)
            for name in methods
            for setting in _best(name, done, KEPT[done], results)
        ]
        _carry_out_all(planned, at.at_once)
    return [results / f"{job.name}.json" for job in planned]


def final(
    *,
    corpus: Path,
    sets: Path,
    work: Path,
    results: Path,
    methods: Sequence[str] = tuple(METHODS),
    rung: int = len(EPOCHS),
    jobs: int | None = None,
) -> list[Path]:
    """Pretrain the best setting of each method with new seeds: `python -m benchmarks.studies.evidence final`.

    Parameters
    ----------
    corpus, sets, work, results, jobs
        As of `search`.
    methods : sequence of str, default those of `METHODS`
        Of `ALL`. A variant has one setting, and no search.
    rung : int, default 3
        The rung of the search that chooses the setting, from 1; its number of epochs is that of the final row, too.

    Returns
    -------
    list of Path
        Their results.

    Raises
    ------
    ValueError, OSError
        As `search`.
    RuntimeError
        If the rung of a method is not at its end; and as `search`.
    """
    at = _Places(corpus, sets, work, results, _at_once(jobs))
    chosen = [(name, n) for name in methods for n in _best(name, _checked(rung), 1, results)]
    at.check()
    planned = [
        at.job(name, setting, EPOCHS[rung - 1], seed, FINAL)
        for seed in SEEDS
        for name, setting in chosen
    ]
    _carry_out_all(planned, at.at_once)
    return [results / f"{job.name}.json" for job in planned]


def _checked(rung: int) -> int:
    if not 1 <= rung <= len(EPOCHS):
        raise ValueError(f"rung {rung}: the search has {len(EPOCHS)}, the first is 1")
    return rung


def _at_once(jobs: int | None) -> int:
    return len(slots(jobs, (), os.cpu_count() or 1, threads=1))


@dataclass(frozen=True)
class _Places:
    corpus: Path
    sets: Path
    work: Path
    results: Path
    at_once: int

    def check(self) -> None:
        """Check, before anything is pretrained, that a run can be probed and its result belongs to the others.

        Raises
        ------
        ValueError, OSError
            As `search`.
        """
        given = read_summary(self.corpus).fingerprint, fingerprint(read_sets(self.sets))
        found = read_results(self.results)
        if found and (found[0].corpus, found[0].sets) != given:
            raise ValueError(
                f"{self.results} has results of another corpus or of other judged images than {self.corpus} and "
                f"{self.sets}: choose another --results"
            )

    def job(self, method: str, setting: int, epochs: int, seed: int, part: str) -> _Job:
        threads = max(1, (os.cpu_count() or 1) // self.at_once)
        epochs = epochs if ALL[method].config else 0
        return _Job(
            method, setting, epochs, seed, part, self.corpus, self.sets, self.work, self.results, threads
        )  # fmt: skip


def _best(method: str, rungs: int, number: int, results: Path) -> list[int]:
    """The best settings of a method after so many rungs; all before the first.

    Raises
    ------
    RuntimeError
        If the last of these rungs is not at its end.
    """
    settings = len(ALL[method].settings())
    if rungs == 0 or settings == 1:
        return list(range(settings))
    epochs, tried = EPOCHS[rungs - 1], KEPT[rungs - 1]
    runs = [
        result
        for result in read_results(results)
        if (result.method, result.epochs, result.part) == (method, epochs, SEARCH)
    ]
    if len(runs) < tried:
        raise RuntimeError(
            f"{method} has {len(runs)} of {tried} runs of {epochs} epochs in {results}: "
            "let `python -m benchmarks.studies.evidence search` go on"
        )
    best = sorted(runs, key=lambda result: (-result.score, result.setting))
    return sorted(result.setting for result in best[:number])


def _carry_out_all(jobs: Sequence[_Job], at_once: int) -> None:
    """Carry out the jobs that have no result yet, each in a process of its own.

    Raises
    ------
    RuntimeError
        At the first that fails; the message names its log.
    """
    missing = [job for job in jobs if not (job.results / f"{job.name}.json").is_file()]
    with (
        ProcessPoolExecutor(
            at_once, mp_context=forked_from(__name__), max_tasks_per_child=1
        ) as pool,
        tqdm(total=len(jobs), initial=len(jobs) - len(missing), desc="runs", unit="run") as bar,
    ):
        running = {pool.submit(_carry_out, job): job for job in missing}
        for future in as_completed(running):
            if error := future.exception():
                pool.shutdown(cancel_futures=True)
                job = running[future]
                raise RuntimeError(
                    f"{job.name} failed, see {job.work / job.name / LOG}: {error}"
                ) from error
            bar.update()


def _carry_out(job: _Job) -> None:
    """Carry out a job and write its result; what it prints goes to a log in its folder."""
    die_with_parent()
    folder = job.work / job.name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("a") as log:
        os.dup2(log.fileno(), sys.stdout.fileno())
        os.dup2(log.fileno(), sys.stderr.fileno())
    torch.set_num_threads(job.threads)
    method, steps, measures = ALL[job.method], 0, {}
    if method.config is None:
        torch.manual_seed(job.seed)
        entry = catalogue.get("random_resnet18_half")
    else:
        arguments: dict[str, Any] = dict(
            config=method.config,
            corpus=job.corpus,
            work_dir=folder,
            epochs=job.epochs,
            seed=job.seed,
            overrides={**COMMON, **method.fixed, **job.changes},
        )
        weights = pretraining.export(pretraining.run(**arguments, resume=True), "backbone", folder)
        steps, measures = read_facts(weights).steps or 0, ends(folder)
        if job.part == FINAL:
            measures |= measure(folder, pretraining.compose(**arguments), job.corpus)
        entry = read_entry(weights)
    model = from_config(entry.model("vector", SIZE))
    model.init_weights()
    judged = read_sets(job.sets)
    found = [scores for scores in probe(model, judged) if scores.part == job.part]
    result = Result(
        method=job.method,
        setting=job.setting,
        changes=job.changes,
        epochs=job.epochs,
        seed=job.seed,
        steps=steps,
        corpus=read_summary(job.corpus).fingerprint,
        sets=fingerprint(judged),
        part=job.part,
        means={one.name: round(float(one.scores.mean()), 5) for one in found},
        scores={one.name: one.scores.round(4).tolist() for one in found if job.part == FINAL},
        measures={name: round(value, 5) for name, value in measures.items()},
    )
    write_result(job.results / f"{job.name}.json", result)
    shutil.rmtree(folder)


def ends(folder: Path) -> dict[str, float]:
    """Return the means over the first and the last steps of each curve, and the median times of a step in seconds."""
    curves = read_curves(folder)
    steps: Any = curves["loss"].last_valid_index()
    row: dict[str, float] = {}
    for key in CURVES:
        if key in curves:
            row[f"first {key}"] = float(curves.loc[:AVERAGED, key].mean())
            row[f"last {key}"] = float(curves.loc[steps - AVERAGED + 1 :, key].mean())
    for key in ("time", "data_time", "solver_time"):
        if key in curves:
            row[key] = float(curves[key].median())
    return row
