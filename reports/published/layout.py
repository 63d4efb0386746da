"""The tables of the paper: their rows and columns in its order, and the texts for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

# Data sets and kinds of the paper's tasks whose split its authors did not publish: there it is the suite's own.
UNPUBLISHED_SPLITS = frozenset(
    {
        ("isic2018", "segmentation"),
        ("jsrt", "segmentation"),
        ("drive", "segmentation"),
        ("brats2018", "volumes"),
        ("prostate", "segmentation"),
        ("kvasir", "detection"),
    }
)

OWN_GROUP = "measured"  # group of measured backbones that are no row of the paper
OWN_GROUP_ALONE = "Backbones"  # its caption if no row of the paper stands beside it


class PaperColumn(NamedTuple):
    """A column of a table.

    Attributes
    ----------
    task : str
        Data set, as in the published figures; of an own column a task of the records.
    protocol : str
        Protocol, as in the published figures; empty if it belongs to the row.
    metric : str
        Metric, as in the published figures; of an own column as in the records.
    own : bool
        Whether it is a task of the records, chosen by its name.
    """

    task: str
    protocol: str
    metric: str
    own: bool = False

    @property
    def parameters(self) -> bool:
        """Whether it shows the parameters of the backbones, which need no task."""
        return not self.own and self.metric == "params_millions"


class RowKey(NamedTuple):
    """What identifies a row of the paper; `protocol` is empty if it belongs to the column."""

    group: str
    method: str
    backbone: str
    protocol: str


@dataclass(frozen=True)
class Layout:
    """A table of the paper.

    Attributes
    ----------
    name : str
        Name, as in the published figures.
    title : str
        What the table shows.
    average : str
        Caption of a last column with the mean of the others; empty if the paper quotes none.
    protocols : bool
        Whether its columns differ in the protocol.
    ranked : bool
        Whether more is better, so that the best can be marked.
    caveat : str
        Sentence that a reader needs before comparing measured with published figures.
    """

    name: str
    title: str
    average: str = ""
    protocols: bool = False
    ranked: bool = True
    caveat: str = ""


HEART = (
    "MMWHS: the released code of the paper scores one structure, the left atrium; a measured figure "
    "is the mean over all seven."
)
LAYOUTS = (
    Layout("table2", "2D segmentation", average="mean of five"),
    Layout(
        "table3", "Segmentation of volumes, slice by slice", average="mean of three", caveat=HEART
    ),
    Layout("table4", "Prostate segmentation: trained on BMC, tested on four sites"),
    Layout("table5", "Classification, one fully connected layer", protocols=True),
    Layout("table6", "Ablation of LVM-Med's parts"),
    Layout("appendix_table_cls", "Classification, two fully connected layers", protocols=True),
    Layout(
        "appendix_table_prompt_3d",
        "Volumes with box prompts",
        average="mean of three",
        caveat=HEART,
    ),
    Layout("appendix_table_ablation", "Ablation of the scale and of alpha"),
    Layout(
        "appendix_table_params",
        "Parameters of the backbones",
        ranked=False,
        caveat="Measured: without the classifier.",
    ),
)
TABLE_NAMES = tuple(layout.name for layout in LAYOUTS)
SELECTION = Layout("selection", "Chosen tasks", protocols=True)

GROUP_CAPTIONS = {
    "2d_supervised": "Supervised or random, 2D",
    "2d_ssl_medical": "Self-supervised on the medical corpus, 2D",
    "3d_methods": "3D methods",
    "foundation": "Foundation models",
    "prompt": "With box prompts (SAM's prompt encoder and mask decoder)",
    "ablation": "Ablation",
    "size": "Backbones",
    OWN_GROUP: "No row of the paper",
}
TASK_CAPTIONS = {
    "isic2018": "ISIC 2018",
    "jsrt": "JSRT",
    "kvasir": "Kvasir",
    "drive": "DRIVE",
    "buid": "BUID",
    "brats2018": "BraTS 2018",
    "mmwhs_ct": "MMWHS CT",
    "mmwhs_mri": "MMWHS MRI",
    "prostate_bmc": "BMC",
    "prostate_runmc": "RUNMC",
    "prostate_bidmc": "BIDMC",
    "prostate_hk": "HK",
    "fgadr": "FGADR",
    "brain_tumor": "Brain tumour",
    "mean_linear_cls": "Linear classification, mean of two",
    "mean_seg_2d": "2D segmentation, mean of five",
    "mean_det": "Detection, mean of two",
    "": "Parameters",
}
METRIC_CAPTIONS = {
    "dice_2d": "Dice",
    "iou_3d": "3D IoU",
    "accuracy": "accuracy",
    "map50": "mAP50",
    "params_millions": "millions",
}
PROTOCOL_CAPTIONS = {
    "finetune": "fine-tuned",
    "linear": "linear",
    "finetune_2fc": "fine-tuned, two layers",
    "linear_2fc": "linear, two layers",
    "box_prompt_decoder_finetune": "box prompts",
    "box_prompt_zero_shot": "box prompts, no training",
}
# A method that is an architecture of its own has no caption here.
ARCHITECTURE_CAPTIONS = {
    "resnet50": "ResNet-50",
    "sam_vit_b": "ViT-B",
    "clip_vit_b": "ViT-B",
    "flava_vit_b": "ViT-B",
    "align_effnet": "EfficientNet",
}


def column_of(figure: Any, layout: Layout) -> PaperColumn:
    """The column of a published figure, a row of `reports.published.read`."""
    return PaperColumn(figure.task, figure.protocol if layout.protocols else "", figure.metric)


def row_key(figure: Any, layout: Layout) -> RowKey:
    """The row of a published figure."""
    protocol = "" if layout.protocols else figure.protocol
    return RowKey(figure.group, figure.method, figure.backbone, protocol)


def row_label(key: RowKey) -> str:
    """The label of a row of the paper."""
    architecture = "" if key.group == "ablation" else ARCHITECTURE_CAPTIONS.get(key.backbone, "")
    return f"{key.method}, {architecture}" if architecture else key.method
