"""The catalogue of backbones, corpora of unlabelled images, pretraining; in a checkout, tasks, runs and reports."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.architectures import NAMED
from lvmmed_backbones.command import checkout
from lvmmed_backbones.command.shell import add_verb, carry_out
from lvmmed_backbones.conversion.converting import FORMATS
from lvmmed_backbones.data_sets import of_lvmmed
from lvmmed_backbones.display import csv_cell, plain, say_error
from lvmmed_backbones.importing import needing
from lvmmed_backbones.pretrain import config_names
from lvmmed_backbones.weights.layouts import LAYOUTS

if TYPE_CHECKING:
    from lvmmed_backbones.catalogue.adding import Added
    from lvmmed_backbones.command.diagnosis import Finding
    from lvmmed_backbones.conversion.converting import Converted
    from lvmmed_backbones.corpus.auditing import Audit
    from lvmmed_backbones.corpus.building import Built
    from lvmmed_backbones.evaluation.result import Evaluation

MOST_NAMED = 8  # data sets of a backbone that `list` names


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    arguments_given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if arguments_given and arguments_given[0] in checkout.VERBS:
            return checkout.carry_out(arguments_given)
        return carry_out(parser().parse_args(arguments_given))
    except (OSError, ValueError, ArithmeticError, ModuleNotFoundError) as error:
        say_error(error)
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the command line: each verb has a function behind it, its options are that function's arguments."""
    name = "lvmmed" if Path(sys.argv[0]).name == "lvmmed" else "python -m lvmmed_backbones"
    top = argparse.ArgumentParser(prog=name, description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    _add_catalogue(verbs)
    text = "build, audit and list corpora of unlabelled images"
    corpus = verbs.add_parser("corpus", help=text, description=text)
    _add_corpus(corpus.add_subparsers(metavar="VERB", required=True))
    _add_pretraining(verbs)
    _add_conversion(verbs)
    _add_evaluation(verbs)
    text = "tell what is installed, what is missing, and how to get it"
    add_verb(verbs, "doctor", text, "lvmmed_backbones:doctor", _show_findings)
    for verb, (_, _, text) in checkout.VERBS.items():
        verbs.add_parser(verb, help=f"{text} (in a checkout)")
    return top


def _add_catalogue(verbs: argparse._SubParsersAction) -> None:
    function = "lvmmed_backbones.catalogue:list_backbones"
    add = add_verb(verbs, "list", "show all backbones of the catalogue", function, _show_backbones)
    add("--json", action="store_true", help="as JSON, with every field")
    text = "make a file of weights a backbone of the catalogue"
    add = add_verb(verbs, "add", text, "lvmmed_backbones.catalogue:add", _show_added)
    add("file", type=Path, help="safetensors, or what torch.save wrote")
    add("name", help="of the backbone in the catalogue")
    names = f"{', '.join(NAMED)}, or timm:NAME"
    add("--architecture", help=f"{names}; default: told by the tensors' names and shapes")
    text = "how the file names things (auto: the first that fits)"
    add("--layout", default="auto", choices=("auto", *LAYOUTS), help=text)
    add(
        "--wrapper",
        help="which of several networks: a part of the names before it, such as teacher",
    )
    for name in ("mean", "std"):
        text = "that images (0 to 255) are normalised with; default: timm's of the model, or ImageNet's"
        add(f"--{name}", type=float, nargs=3, metavar=("R", "G", "B"), help=text)
    for name in ("method", "corpus", "licence"):
        add(f"--{name}", default="unknown", help="in words, for the tables")
    text = (
        "what its pretraining saw: names of data_sets.csv (docs/backbones.md), others, or private:NAME for images that "
        "no public data set has; without a name: nothing"
    )
    add("--data-sets", nargs="*", metavar="NAME", help=text)
    text = "the backbone of the catalogue, or what else, that its pretraining began with"
    add("--started-from", metavar="NAME", help=text)
    add("--out", type=Path, help=_default_folder())


def _add_corpus(verbs: argparse._SubParsersAction) -> None:
    text = "make shards and a manifest of folders of images, or go on where that was stopped"
    add = add_verb(verbs, "build", text, "lvmmed_backbones.corpus:build", _show_built)
    text = "FOLDER, or NAME=FOLDER to name its data set"
    add("sources", type=_source, nargs="+", metavar="SOURCE", help=text)
    add("--out", type=Path, required=True, help="folder of the corpus")
    text = "reduce the shorter side of images to it (default: 256 pixels)"
    add("--side", type=int, default=256, help=text)
    add("--axis", type=int, default=-1, help="cut volumes along it (default: the last)")
    workers = "processes (default: one for each core)"
    add("--workers", type=int, help=workers)
    text = "find images of test splits; exit code 1 if any stay"
    add = add_verb(verbs, "audit", text, "lvmmed_backbones.corpus:audit", _show_audit)
    add("corpus", type=Path)
    text = "of test images, or a prepared data set (python -m tasks prepare)"
    add("--test", type=Path, nargs="+", required=True, metavar="FOLDER", help=text)
    add("--report", type=Path, help="write the duplicates, a row each, as CSV")
    add("--remove", action="store_true", help="leave them out of the manifest")
    text = "folder of results whose reports shall know which test cases the corpus has"
    add("--results", type=Path, help=text)
    add("--workers", type=int, help=workers)
    function = "lvmmed_backbones.corpus:list_data_sets"
    add_verb(verbs, "list", "list the data sets of LVM-Med's corpus", function, _show_data_sets)


def _source(text: str) -> Path | tuple[str, Path]:
    name, equals, folder = text.partition("=")
    return (name, Path(folder)) if equals else Path(text)


def _add_pretraining(verbs: argparse._SubParsersAction) -> None:
    text = "pretrain a backbone on a corpus"
    add = add_verb(verbs, "pretrain", text, "lvmmed_backbones.pretrain:run", lambda work_dir: 0)
    add("config", help=f"a config's path, or the name of one of ours: {', '.join(config_names())}")
    add("--corpus", required=True, help="folder or URL of a corpus (corpus build)")
    text = "folder of checkpoints and curves; default: pretraining/CONFIG"
    add("--work-dir", type=Path, help=text)
    add("--resume", action="store_true", help="go on from the newest checkpoint")
    text = "instead of the config's; the learning rate's schedule follows"
    add("--epochs", type=int, help=text)
    add("--seed", type=int, help="instead of the config's, which is 0 in all of ours")
    add("--launcher", choices=("none", "pytorch", "slurm"), default="none")
    add("--probe", type=Path, help="a folder of labelled images, one folder per class")
    options = dict(dest="overrides", metavar="KEY=VALUE", help="options of the config")
    add("--cfg-options", nargs="+", action=_Overrides, default=(), **options)
    text = "make a pretrained backbone one of the catalogue"
    add = add_verb(verbs, "export", text, "lvmmed_backbones.pretrain:export", _show_line)
    add("run", type=Path, help="the folder of a pretraining run, or a checkpoint")
    add("name", help="of the backbone in the catalogue")
    add("--out", type=Path, help=_default_folder())
    text = (
        "the backbone is pretrained with several seeds: write NAME/SEED.safetensors, SEED that of the run; "
        "a benchmark with seed S takes the file of S"
    )
    add("--by-seed", action="store_true", help=text)


def _add_conversion(verbs: argparse._SubParsersAction) -> None:
    text = "write a backbone for another library, which loads it again, with a model card"
    add = add_verb(verbs, "convert", text, "lvmmed_backbones:convert", _show_converted)
    add("name", help="of the backbone in the catalogue")
    add("--to", required=True, choices=FORMATS, help="the format")
    add("--out", type=Path, help="folder to write; default: NAME-FORMAT")
    add("--image-size", type=int, metavar="N", help="pixels; default: the backbone's own")
    text = "of onnx and torchscript (vector)"
    add("--output", choices=("vector", "maps"), default="vector", help=text)
    text = "of the pretraining, if the backbone has several (0)"
    add("--seed", type=int, default=0, metavar="N", help=text)
    text = "folders of results, whose scores of this backbone the card shows"
    add("--results", type=Path, nargs="+", default=(), metavar="RESULTS", help=text)


def _show_converted(converted: Converted) -> int:
    for note in converted.notes:
        print(f"note: {plain(note)}", file=sys.stderr)
    print(f"{plain(converted.folder)} (differs by {converted.difference:.1g} of the largest value)")
    return 0


def _add_evaluation(verbs: argparse._SubParsersAction) -> None:
    text = "score backbones by probes of their frozen features"
    add = add_verb(verbs, "evaluate", text, "lvmmed_backbones:evaluate", _show_evaluation)
    text = "a name of the catalogue, timm:NAME, or FILE.py:FUNCTION that returns a module (and its transform)"
    add("backbones", nargs="+", metavar="BACKBONE", help=text)
    text = "folders CLASS/IMAGE or PART/CLASS/IMAGE, CSV files, .npz files as of MedMNIST, prepared data sets"
    add("--data", nargs="+", required=True, metavar="DATA", help=text)
    text = "FILE.py:FUNCTION from an image (H, W, 3) to a tensor (3, h, w); default: the backbone's own"
    add("--transform", metavar="FUNCTION", help=text)
    text = (
        "of classes: knn, linear, sweep, attentive, few_shot, retrieval (default: knn linear); of targets: "
        "regression; of masks: dense"
    )
    add("--probes", nargs="+", metavar="NAME", help=text)
    text = (
        "test on corrupted images, too, in five severities: gaussian_noise, pixelate ..., or a modality such as xray, "
        "ct, ultrasound, fundus for all of its own"
    )
    add("--corruptions", nargs="+", default=(), metavar="NAME", help=text)
    text = "compare features of test images and of the same rotated, flipped and with other intensities"
    add("--invariance", action="store_true", help=text)
    add("--seeds", nargs="+", type=int, default=(0, 1, 2), metavar="N", help="default: 0 1 2")
    text = "shares of the training labels, such as 0.01 1.0 (default: 1.0)"
    add("--label-fractions", nargs="+", type=float, default=(1.0,), metavar="F", help=text)
    add("--size", type=int, help="side of the images in pixels; default: the backbone's own")
    text = "the last n blocks of a transformer or stages of a convolutional network; several: these, from 0"
    add("--layers", nargs="+", type=int, action=_Layers, metavar="N", help=text)
    text = "such as cuda:1, or several; default: all GPUs, or the CPU"
    add("--device", nargs="+", metavar="DEVICE", help=text)
    text = "of the backbone (auto: bfloat16 on GPUs that compute with it, float32 elsewhere)"
    add("--precision", choices=("auto", "float32", "bfloat16"), default="auto", help=text)
    text = (
        "processes that load images (default: none on a CPU, as many as cores but one beside a GPU)"
    )
    add("--workers", type=int, help=text)
    add("--batch-size", type=int, default=64, help="images that a device has at a time (64)")
    add("--cache", type=Path, help="folder of the features; default: in the user's cache")
    add("--results", type=Path, help="folder to save the records in, for `lvmmed report`")


class _Layers(argparse.Action):
    """One number above 0 is a count of the last layers; several are their places."""

    def __call__(self, _: Any, options: argparse.Namespace, values: Any, *rest: Any) -> None:
        options.layers = values[0] if len(values) == 1 and values[0] > 0 else values


def _show_evaluation(evaluation: Evaluation) -> int:
    evaluation.table()
    return 0


def _default_folder() -> str:
    return f"folder; default: {catalogue.folders()[-1]}".replace("%", "%%")


class _Overrides(argparse.Action):
    """Options KEY=VALUE in mmengine's syntax; only `pretrain` needs mmengine for them."""

    def __call__(self, *arguments: Any) -> None:
        with needing("openmmlab"):
            from mmengine.config import DictAction

        try:
            DictAction(self.option_strings, self.dest)(*arguments)
        except (AssertionError, ValueError) as error:  # a bracket, or an equals sign, is missing
            given = " ".join(arguments[2])
            raise ValueError(
                f"--cfg-options {given}: write KEY=VALUE, as train_dataloader.batch_size=32"
            ) from error


def _show_line(line: object) -> int:
    print(line)
    return 0


def _show_backbones(result: tuple[list[dict[str, Any]], list[str]], json: bool) -> int:
    facts, problems = result
    if json:
        print(dumps(facts, indent=1))
    else:
        Console(soft_wrap=True).print(_table_of_backbones(facts))
    for problem in problems:
        say_error(problem)
    return 1 if problems else 0


def _table_of_backbones(facts: Sequence[dict[str, Any]]) -> Table:
    """Return a table with a block for each backbone. What a file says of itself is text, never markup."""
    table = Table(title="Backbones", show_header=False, box=box.SIMPLE, show_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for fact in facts:
        weights = fact["weights"]
        rows = [
            ("architecture", fact["architecture"]),
            ("method, corpus", f"{fact['method']}, {fact['corpus']}"),
            ("has seen", _seen(fact["pretraining"])),
        ]
        if weights:
            here = "on this machine" if weights["here"] else "not on this machine"
            rows += [
                ("weights", f"{weights['file']} ({here})"),
                ("", f"from {weights['from']}"),
                ("sha256", weights["sha256"] or "not published"),
            ]
        if seeds := fact["pretraining_seeds"]:
            several = ", ".join(map(str, seeds))
            rows.append(("pretraining seeds", f"{several}; the weights above are of {seeds[0]}"))
        mean, std = (" ".join(f"{v:g}" for v in fact[key]) for key in ("mean", "std"))
        rows.append(("normalisation", f"mean {mean}, std {std} (RGB, 0 to 255)"))
        table.add_row(Text("name", style="bold"), Text(fact["name"], style="bold"))
        for key, value in rows:
            table.add_row(key, Text(plain(value)))
        source = f"{fact['licence']}, {fact['source']}"
        table.add_row("licence, source", Text(plain(source)), end_section=True)
    return table


def _seen(pretraining: dict[str, list[str]] | None) -> str:
    """What a backbone has seen, in words; long lists are folded."""
    if pretraining is None:
        return "unknown"
    names = pretraining["data_sets"]
    if set(names) >= set(of_lvmmed()):
        rest = [name for name in names if name not in of_lvmmed()]
        names = [f"{len(of_lvmmed())} data sets of LVM-Med's corpus", *rest]
    if len(names) > MOST_NAMED:
        names = [*names[:MOST_NAMED], f"and {len(names) - MOST_NAMED} more data sets"]
    seen = ", ".join(names) or "no image"
    chain = pretraining["started_from"]
    return f"{seen} (started from {', from '.join(chain)})" if chain else seen


def _show_built(built: Built) -> int:
    lines = [f"{built.images} images in {built.out}"]
    lines += [
        f"not taken: {count} times {reason}" for reason, count in built.not_taken.most_common()
    ]
    if built.not_taken:
        lines.append(f"each by name: {built.out / 'skipped.csv'}")
    if built.audit_undone:
        lines.append("what an audit had left out is in the corpus again: audit it anew")
    _say(*lines)
    return 0


def _show_audit(found: Audit) -> int:
    """Print what an audit found; return 1 if duplicates stay in the corpus."""
    rows = found.duplicates
    if found.finished:
        _say(f"an audit that was stopped: {found.finished} images left out")
    if left := found.not_compared:
        _say(f"{len(left)} test files are not compared, such as {left[0]}")
    tests = len({(row["test"], row["part"]) for row in rows})
    kinds = [row["kind"] for row in rows]
    _say(
        f"{len({row['key'] for row in rows})} images of the corpus are {tests} test images again "
        f"({kinds.count('exact')} exact, {kinds.count('near')} near)"
    )
    if found.removed:
        _say(f"{found.removed} images left out")
    if found.written:
        _say(f"{len(found.written)} audits for reports in {found.written[0].parent}")
    return 1 if rows and not found.removed else 0


def _say(*lines: str) -> None:
    for line in lines:
        print(plain(line), file=sys.stderr)


def _show_data_sets(rows: list[dict[str, str]]) -> int:
    """Print a table on a terminal, CSV elsewhere."""
    if not sys.stdout.isatty():
        writer = csv.DictWriter(sys.stdout, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: csv_cell(value) for key, value in row.items()} for row in rows)
        return 0
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)
    return 0


def _show_added(added: Added) -> int:
    from lvmmed_backbones.catalogue.adding import report

    for line in report(added):
        print(plain(line))
    return 0


def _show_findings(findings: Sequence[Finding]) -> int:
    """Print a table; return 1 if something is missing that every command needs."""
    found, remedy = (Column(title, overflow="fold") for title in ("found", "how to get it"))
    table = Table("what", found, "needed by", remedy)
    for finding in findings:
        missing = "" if finding.found else finding.remedy
        table.add_row(finding.what, finding.found or "missing", finding.needed_by, Text(missing))
    Console().print(table)
    return int(any(f.needed_by == "every command" and not f.found for f in findings))
