"""BUID (BUSI): breast lesions in ultrasound, on the authors' published split, which leaves out the normal breasts."""

from __future__ import annotations

from pathlib import Path

from lvmmed_backbones.layout.writer import Writer
from tasks.datasets import Dataset, prepares
from tasks.download.folders import each_file, files_by_name
from tasks.download.masks import read_mask
from tasks.splits import keep_present, published_split

DATASET = Dataset(
    name="buid",
    title="BUID (BUSI), breast ultrasound images",
    folder="busi",
    layout="Dataset_BUSI_with_GT/{benign,malignant}/NAME.png with NAME_mask.png, NAME_mask_1.png ...",
    kind="segmentation",
    classes=("background", "lesion"),
    modality="ultrasound, breast",
    images=647,
    licence="cite the authors",
    citation="Al-Dhabyani et al., Data in Brief 2020",
    page="https://scholar.cu.edu.eg/?q=afahmy/pages/dataset",
    foreground=(0.03, 0.12),  # measured: 0.06 on 99 images
)


@prepares(DATASET)
def prepare(source: Path, writer: Writer) -> None:
    """Write the images as they are; the masks of an image's several lesions are united.

    In the download a further mask may have another size than its image, which shows that the image was cut
    differently (`benign (4)_mask_1.png`). It cannot be laid over the image, so it is left out, and meta.json says so.
    """
    root = source / "Dataset_BUSI_with_GT"
    names, writer.meta["left_out"] = [], []
    for part in ("benign", "malignant"):
        masks = files_by_name(root / part, "*.png")
        for path in each_file(root / part, "*.png", f"{part} images"):
            if "_mask" in path.stem:
                continue
            image = writer.image(path.stem, path)
            first = masks[f"{path.stem}_mask.png"]
            lesions = read_mask(first)
            more = [mask for name, mask in masks.items() if name.startswith(f"{path.stem}_mask_")]
            for further in more:
                lesion = read_mask(further)
                if lesion.shape == lesions.shape:
                    lesions = lesions | lesion
                else:
                    writer.meta["left_out"].append(further.name)
            writer.mask(path.stem, image, lesions, first)
            names.append(f"{path.stem}.png")
    splits, writer.meta["missing"] = keep_present(published_split("buid"), names)
    for split, members in splits.items():
        writer.split(split, [name.removesuffix(".png") for name in members])
