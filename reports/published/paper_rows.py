"""Which row and which column of the paper's tables a measured run belongs to.

The rule goes by the record, never by the backbone's name:

- the architecture is that of the row (`ARCHITECTURES`);
- the method has the letters and digits of the row's method, in any case, after `ALIASES`; a supervised backbone is the
  row ImageNet;
- the corpus is that of the row (`CORPORA`): none for random weights, ImageNet for the row ImageNet, SAM's own for SAM,
  the paper's for all others;
- the protocol is that of the row or the column (`PROTOCOLS`);
- the column is that of the record's data set, kind and metric; a site of the prostate task is the metric `dice/SITE`.
  A classifier of several layers (a task NAME_fcns) fills none: the tables print those of one layer.

A run that fits no row gets a row of its own, which is compared with no row of the paper.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache

from lvmmed_backbones.records import StoredRecord
from reports.published.layout import OWN_GROUP, PaperColumn, RowKey

ARCHITECTURES = {"ResNet-50": "resnet50", "SAM ViT-B/16": "sam_vit_b"}
ALIASES = {
    "segmentanything": "sam",
    "moco": "mocov2",
    "fullalpha08": "lvmmed",
    "supervised": "imagenet",
}
PROTOCOLS = {"prompt": "box_prompt_decoder_finetune", "zero_shot": "box_prompt_zero_shot"}
# Names of corpora as in the catalogue, by the method of the row. The number of images is part of the name, because a
# folder called LVM-Med can hold any images, and not all data sets of the paper's corpus are known.
PAPER_CORPUS = re.compile(r"LVM-Med, 1\.3 million images\b.*")
CORPORA = {
    "random": re.compile("none"),
    "imagenet": re.compile(r"ImageNet(-1k)?(, .*)?"),
    "sam": re.compile(r"SA-1B\b.*"),
}
SEVERAL_LAYERS = "_fcns"  # what the names of tasks end in whose classifier has several layers
NO_ROW = RowKey(OWN_GROUP, "", "", "")
# Kind and metric of a record, by the metric of a column.
METRICS = {
    "dice_2d": ("segmentation", "dice"),
    "iou_3d": ("volumes", "iou"),
    "accuracy": ("classification", "accuracy"),
    "map50": ("detection", "map50"),
}
OF_PROMPTS = {
    "iou": "slice_iou"
}  # with box prompts the paper's 3D IoU is another score: the mean of slices
# The columns that a column is the mean of.
MEANS = {
    "mean_linear_cls": [PaperColumn(t, "linear", "accuracy") for t in ("fgadr", "brain_tumor")],
    "mean_seg_2d": [
        PaperColumn(t, "finetune", "dice_2d")
        for t in ("isic2018", "jsrt", "kvasir", "drive", "buid")
    ],
    "mean_det": [PaperColumn(t, "finetune", "map50") for t in ("vindr", "kvasir")],
}


def matching_row(record: StoredRecord, printed: Mapping[RowKey, Collection[PaperColumn]]) -> RowKey:
    """The row of the paper that a run repeats; `NO_LINE` if there is none.

    Parameters
    ----------
    printed : mapping of Line to collection of Column
        The rows of a table, and the columns in which the paper has a figure of each. If several rows fit, the one with
        a figure in a column that the run fills is chosen.
    """
    rows = [row for row in printed if _repeats_row(record, row)]
    beside = [row for row in rows if any(fills_column(record, c) for c in printed[row])]
    return next(iter([*beside, *rows]), NO_ROW)


def _repeats_row(record: StoredRecord, line: RowKey) -> bool:
    """Whether a run's backbone is that of a row of the paper, used in the same way."""
    method = normalised_method(line.method)
    return (
        line.backbone == ARCHITECTURES.get(record.backbone.architecture)
        and method == normalised_method(record.backbone.method)
        and CORPORA.get(method, PAPER_CORPUS).fullmatch(record.backbone.corpus) is not None
        and line.protocol in ("", paper_protocol(record))
    )


def fills_column(record: StoredRecord, column: PaperColumn) -> bool:
    """Whether a run has a figure for a column, or for a part of its mean."""
    if column.parameters:
        return True
    metrics = (metric_of(record, part) for part in averaged_columns(column))
    return any(m is not None and record.metrics.get(m) is not None for m in metrics)


def averaged_columns(column: PaperColumn) -> list[PaperColumn]:
    """The columns that a column is the mean of; the column itself if it is no mean."""
    return [column] if column.own else MEANS.get(column.task, [column])


def metric_of(record: StoredRecord, column: PaperColumn) -> str | None:
    """The metric with which a run fills a column that is no mean; None if it does not fill it."""
    if column.own:
        mine = (record.task, paper_protocol(record)) == (column.task, column.protocol)
        return column.metric if mine else None
    kind, metric = METRICS[column.metric]
    if record.protocol in PROTOCOLS and OF_PROMPTS.get(metric) in record.metrics:
        metric = OF_PROMPTS[metric]
    if record.kind != kind or column.protocol not in ("", paper_protocol(record)):
        return None
    if record.task.endswith(SEVERAL_LAYERS):
        return None
    if column.task == record.dataset:
        return metric
    sites = {f"{record.dataset}_{site_of(name).lower()}": name for name in record.metrics
             if name.startswith(f"{metric}/")}  # fmt: skip
    return sites.get(column.task)


def site_of(metric: str) -> str:
    """The site of a metric such as dice/BMC; empty if it has none."""
    return metric.partition("/")[2]


def paper_protocol(record: StoredRecord) -> str:
    """The protocol of a run, as in the published figures."""
    return PROTOCOLS.get(record.protocol, record.protocol)


@cache
def normalised_method(name: str) -> str:
    """The letters and digits of a method, without brackets and their content: 'lvmmed' of 'LVM-Med (full)'."""
    letters = re.sub(r"\(.*?\)|[\W_]", "", name).lower()
    return ALIASES.get(letters, letters)
