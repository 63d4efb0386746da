"""Brain tumour classification (MRI): the download's own Testing part; a fifth of Training is the valid split.

The released code draws 30 % of Training: the splits release_train and release_valid. Two thirds of Testing are copies
of images of Training: docs/corpus.md.
"""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file
from tasks.splits import carve, released_validation

DATASET = Dataset(
    name="brain_tumor",
    title="Brain Tumor Classification (MRI)",
    folder="brain_tumor",
    layout="Training/ and Testing/, each with {glioma,meningioma,no,pituitary}_tumor/*.jpg",
    kind="classification",
    classes=("glioma", "meningioma", "no tumor", "pituitary"),
    modality="MRI, brain",
    images=3264,
    licence="public on Kaggle; terms not verified",
    citation="Bhuvaji et al., Kaggle 2020",
    page="https://www.kaggle.com/datasets/sartajbhuvaji/brain-tumor-classification-mri",
)
FOLDERS = ("glioma_tumor", "meningioma_tumor", "no_tumor", "pituitary_tumor")


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the images as they are, named after their part and class; train and valid divide each class alike."""
    labels: dict[str, dict[str, int]] = {"Training": {}, "Testing": {}}
    in_folders: dict[str, tuple[str, str]] = {}
    for part, known in labels.items():
        for label, folder in enumerate(FOLDERS):
            for path in each_file(source / part / folder, "*.jpg", "images"):
                name = f"{part}-{folder}-{path.stem}"
                writer.image(name, path)
                known[writer.files[name]] = label
                in_folders[writer.files[name]] = (folder, path.name)
    splits = carve(
        list(labels["Training"]), dict(train=0.8, valid=0.2), list(labels["Training"].values())
    )
    splits["test"] = sorted(labels["Testing"])
    splits |= released_validation(sorted(labels["Training"], key=in_folders.__getitem__), 0.3)
    everything = labels["Training"] | labels["Testing"]
    for split, names in splits.items():
        writer.split(split, [f"{name} {everything[name]}" for name in names])
    writer.meta["disjoint"] = [
        ["train", "valid", "test"],
        ["release_train", "release_valid", "test"],
    ]
