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
from rich.table import Table
from rich.text import Text

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.architectures import NAMED
from lvmmed_backbones.command import checkout
from lvmmed_backbones.command.shell import behind, carry_out
from lvmmed_backbones.display import csv_cell, plain, say_error
from lvmmed_backbones.importing import needing
from lvmmed_backbones.pretrain import config_names
from lvmmed_backbones.weights.layouts import LAYOUTS

if TYPE_CHECKING:
    from lvmmed_backbones.catalogue.adding import Added
    from lvmmed_backbones.command.diagnosis import Finding
    from lvmmed_backbones.corpus.auditing import Audit
    from lvmmed_backbones.corpus.building import Built


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if words and words[0] in checkout.VERBS:
            return checkout.carry_out(words)
        return carry_out(parser().parse_args(words))
    except (OSError, ValueError, ArithmeticError, ModuleNotFoundError) as error:
        say_error(error)
        return 1


def parser() -> argparse.ArgumentParser:
    """The command line: each verb has a function behind it, its options are that function's arguments."""
    name = "lvmmed" if Path(sys.argv[0]).name == "lvmmed" else "python -m lvmmed_backbones"
    top = argparse.ArgumentParser(prog=name, description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    _add_list(
        verbs.add_parser(
            "list", help="show every backbone of the catalogue", description="Show the catalogue."
        )
    )
    corpus = verbs.add_parser(
        "corpus",
        help="build and audit a corpus of unlabelled images",
        description="Build, audit and list: corpora of unlabelled images.",
    ).add_subparsers(metavar="VERB", required=True)
    _add_corpus_build(
        corpus.add_parser(
            "build",
            help="folders of images to shards and a manifest; goes on where it was stopped",
        )
    )
    _add_corpus_audit(
        corpus.add_parser("audit", help="find images of test splits; exit code 1 if any stay")
    )
    behind(
        corpus.add_parser("list", help="the data sets of LVM-Med's corpus"),
        "lvmmed_backbones.corpus:list_data_sets",
        _show_data_sets,
    )
    _add_pretrain(verbs.add_parser("pretrain", help="pretrain a backbone on a corpus"))
    _add_export(verbs.add_parser("export", help="make a pretrained backbone one of the catalogue"))
    _add_add(
        verbs.add_parser(
            "add",
            help="make a file of weights a backbone of the catalogue",
            description="A file of weights that somebody else made, as a backbone of the catalogue.",
        )
    )
    behind(
        verbs.add_parser("doctor", help="what is installed, what is missing, how to get it"),
        "lvmmed_backbones:doctor",
        _show_findings,
    )
    for verb, (_, _, text) in checkout.VERBS.items():
        verbs.add_parser(verb, help=f"{text} (in a checkout)")
    return top


def _add_list(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="as JSON, with every field")
    behind(verb, "lvmmed_backbones.catalogue:list_backbones", _show_backbones)


def _add_corpus_build(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "sources",
        type=_source,
        nargs="+",
        metavar="SOURCE",
        help="FOLDER, or NAME=FOLDER to name its data set",
    )
    verb.add_argument("--out", type=Path, required=True, help="folder of the corpus")
    verb.add_argument(
        "--side", type=int, default=256, help="reduce the shorter side to it (default: 256 pixels)"
    )
    verb.add_argument(
        "--axis", type=int, default=-1, help="cut NIfTI volumes along it (default: the last)"
    )
    _add_workers(verb)
    behind(verb, "lvmmed_backbones.corpus:build", _show_built)


def _source(word: str) -> Path | tuple[str, Path]:
    name, equals, folder = word.partition("=")
    return (name, Path(folder)) if equals else Path(word)


def _add_corpus_audit(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("corpus", type=Path)
    verb.add_argument(
        "--test",
        type=Path,
        nargs="+",
        required=True,
        metavar="FOLDER",
        help="of test images, or a prepared data set (python -m tasks prepare)",
    )
    verb.add_argument("--report", type=Path, help="write the duplicates, a row each, as CSV")
    verb.add_argument("--remove", action="store_true", help="leave them out of the manifest")
    _add_workers(verb)
    behind(verb, "lvmmed_backbones.corpus:audit", _show_audit)


def _add_workers(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--workers", type=int, help="processes (default: one for each core)")


def _add_pretrain(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "config", help=f"a config's path, or the name of one of ours: {', '.join(config_names())}"
    )
    verb.add_argument("--corpus", required=True, help="folder or URL of a corpus (corpus build)")
    verb.add_argument(
        "--work-dir", type=Path, help="of checkpoints and curves; default: pretraining/CONFIG"
    )
    verb.add_argument("--resume", action="store_true", help="go on from the newest checkpoint")
    verb.add_argument(
        "--epochs", type=int, help="instead of the config's; the learning rate's schedule follows"
    )
    verb.add_argument("--seed", type=int, help="instead of the config's, which is 0 in all of ours")
    verb.add_argument("--launcher", choices=("none", "pytorch", "slurm"), default="none")
    verb.add_argument(
        "--probe", type=Path, help="a folder of labelled images, one folder per class"
    )
    verb.add_argument(
        "--cfg-options",
        dest="overrides",
        nargs="+",
        action=_Overrides,
        default=(),
        metavar="KEY=VALUE",
        help="of the config",
    )
    behind(verb, "lvmmed_backbones.pretrain:run", lambda work_dir: 0)


class _Overrides(argparse.Action):
    """mmengine's words KEY=VALUE, which only `pretrain` needs mmengine for."""

    def __call__(self, *arguments: Any) -> None:
        with needing("openmmlab"):
            from mmengine.config import DictAction

        DictAction(self.option_strings, self.dest)(*arguments)


def _add_export(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("run", type=Path, help="the folder of a pretraining run, or a checkpoint")
    verb.add_argument("name", help="of the backbone in the catalogue")
    _add_out(verb)
    verb.add_argument(
        "--by-seed",
        action="store_true",
        help="the backbone is pretrained with several seeds: write NAME/SEED.safetensors, SEED that of the run; "
        "a benchmark with seed S takes the file of S",
    )
    behind(verb, "lvmmed_backbones.pretrain:export", _show_line)


def _add_out(verb: argparse.ArgumentParser) -> None:
    default = str(catalogue.folders()[-1]).replace("%", "%%")
    verb.add_argument("--out", type=Path, help=f"folder; default: {default}")


def _add_add(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("file", type=Path, help="safetensors, or what torch.save wrote")
    verb.add_argument("name", help="of the backbone in the catalogue")
    verb.add_argument(
        "--architecture",
        help=f"{', '.join(NAMED)}, or timm:NAME; default: told by the tensors' names and shapes",
    )
    verb.add_argument(
        "--layout",
        default="auto",
        choices=("auto", *LAYOUTS),
        help="how the file names things (auto: the first that fits)",
    )
    verb.add_argument(
        "--wrapper",
        help="which of several networks: a part of the names before it, such as teacher",
    )
    for name in ("mean", "std"):
        verb.add_argument(
            f"--{name}",
            type=float,
            nargs=3,
            metavar=("R", "G", "B"),
            help="that images (0 to 255) are normalised with; default: timm's of the model, or ImageNet's",
        )
    for name in ("method", "corpus", "licence"):
        verb.add_argument(f"--{name}", default="unknown", help="in words, for the tables")
    _add_out(verb)
    behind(verb, "lvmmed_backbones.catalogue:add", _show_added)


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
    """A block per backbone. What a file says of itself is text, and never markup."""
    table = Table(title="Backbones", show_header=False, box=box.SIMPLE, show_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for fact in facts:
        weights = fact["weights"]
        rows = [
            ("architecture", fact["architecture"]),
            ("method, corpus", f"{fact['method']}, {fact['corpus']}"),
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
    """1 if duplicates stay in the corpus."""
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
    return 1 if rows and not found.removed else 0


def _say(*lines: str) -> None:
    for line in lines:
        print(plain(line), file=sys.stderr)


def _show_data_sets(rows: list[dict[str, str]]) -> int:
    """A table on a terminal, CSV elsewhere."""
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
    """A table; 1 if what every command needs is missing."""
    table = Table("what", "found", "needed by", "how to get it")
    for finding in findings:
        missing = "" if finding.found else finding.remedy
        table.add_row(finding.what, finding.found or "missing", finding.needed_by, Text(missing))
    Console().print(table)
    return int(any(f.needed_by == "every command" and not f.found for f in findings))
