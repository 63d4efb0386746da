"""Which row and which column of the paper's tables a measured run belongs to.

The rule, by what a record says of itself and never by the backbone's name:

- the architecture is that of the row (`ARCHITECTURES`);
- the method is that of the row: letters and digits alike, whatever their case, after `ALIASES`; a
  supervised backbone counts as the row ImageNet only if its corpus is ImageNet;
- the protocol is that of the row or the column (`PROTOCOLS`);
- of the ablations only the full method can be known, and only if its corpus is the paper's;
- the column is the one of the record's data set, kind and metric; a site of the prostate task is
  its metric `dice/SITE`.

Whatever fits no row gets one of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.records import Record
from reports.tables.layout import Column, Line

ARCHITECTURES = {"ResNet-50": "resnet50", "SAM ViT-B/16": "sam_vit_b"}
ALIASES = {"segmentanything": "sam", "moco": "mocov2", "fullalpha08": "lvmmed"}
PROTOCOLS = {"prompt": "box_prompt_decoder_finetune"}
PAPER_CORPUS = "LVM-Med"
# What a column's metric is in a record.
METRICS = {
    "dice_2d": ("segmentation", "dice"),
    "iou_3d": ("volumes", "iou"),
    "accuracy": ("classification", "accuracy"),
    "map50": ("detection", "map50"),
}
# Columns that are a mean over tasks.
MEANS = {
    "mean_linear_cls": [Column(t, "linear", "accuracy") for t in ("fgadr", "brain_tumor")],
    "mean_seg_2d": [
        Column(t, "finetune", "dice_2d") for t in ("isic2018", "jsrt", "kvasir", "drive", "buid")
    ],
    "mean_det": [Column(t, "finetune", "map50") for t in ("vindr", "kvasir")],
}


def line_of(record: Record, lines: Sequence[Line]) -> Line | None:
    """The row of the paper that a run repeats; None if there is none."""
    for line in lines:
        if (
            line.backbone == ARCHITECTURES.get(record.architecture)
            and plain(line.method) == method(record)
            and line.protocol in ("", protocol(record))
            and (line.group != "ablation" or record.corpus.startswith(PAPER_CORPUS))
        ):
            return line
    return None


def metric_of(record: Record, column: Column) -> str | None:
    """The name of the metric in which a run fills a column; None if it does not."""
    kind, metric = METRICS[column.metric]
    if record.kind != kind or column.protocol not in ("", protocol(record)):
        return None
    if column.task == record.dataset:
        return metric
    sites = {f"{record.dataset}_{site(name).lower()}": name for name in record.metrics
             if name.startswith(f"{metric}/")}  # fmt: skip
    return sites.get(column.task)


def site(metric: str) -> str:
    """The site of a metric such as dice/BMC; empty if it has none."""
    return metric.partition("/")[2]


def protocol(record: Record) -> str:
    """The protocol of a run, as the published figures call it."""
    return PROTOCOLS.get(record.protocol, record.protocol)


def method(record: Record) -> str:
    """The method of a run's backbone, in the form of `plain`."""
    name = plain(record.method)
    supervised = name == "supervised" and record.corpus.startswith("ImageNet")
    return "imagenet" if supervised else name


def plain(name: str) -> str:
    """The letters and digits of a method, without what stands in brackets: 'lvmmed' of 'LVM-Med (full)'."""
    letters = re.sub(r"\(.*?\)|[\W_]", "", name).lower()
    return ALIASES.get(letters, letters)
