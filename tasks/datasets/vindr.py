"""VinDr-CXR as in the Kaggle challenge of VinBigData, at 512 pixels; the splits are carved."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from tasks.datasets.dataset import Dataset
from tasks.prepared.splits import carve
from tasks.prepared.tables import read_csv
from tasks.prepared.writer import Writer

DATASET = Dataset(
    title="VinDr-CXR (VinBigData, 512 px)",
    folder="vindr",
    layout="train.csv (image_id, class_id, x_min ... y_max, width, height) and train/*.png",
    kind="detection",
    classes=(
        "Aortic enlargement",
        "Atelectasis",
        "Calcification",
        "Cardiomegaly",
        "Consolidation",
        "ILD",
        "Infiltration",
        "Lung Opacity",
        "Nodule/Mass",
        "Other lesion",
        "Pleural effusion",
        "Pleural thickening",
        "Pneumothorax",
        "Pulmonary fibrosis",
    ),
    modality="X-ray, chest",
    images=4394,  # with a finding, of 15000
    licence="PhysioNet credentialed, or the challenge's terms",
    citation="Nguyen et al., Scientific Data 2022",
    page="https://www.kaggle.com/datasets/awsaf49/vinbigdata-512-image-dataset",
)
NO_FINDING = 14
COLUMNS = ("image_id", "class_id", "x_min", "y_min", "x_max", "y_max", "width", "height")
NUMBERS = list(COLUMNS[2:])


def prepare(source: Path, writer: Writer) -> None:
    """Images with at least one finding, boxes of all readers scaled to them; 70 % train, 10 % valid, 20 % test."""
    table_file = source / "train.csv"
    table = read_csv(table_file, "table of findings")
    lacking = [column for column in COLUMNS if column not in table]
    if lacking:
        raise ValueError(
            f"{table_file} lacks the columns {lacking}. Use the table of the 512 px data set, "
            "which has the original sizes."
        )
    unknown = sorted(set(table["class_id"]) - set(range(NO_FINDING + 1)), key=str)
    if unknown:
        raise ValueError(
            f"{table_file} has the unknown classes {unknown[:6]}: expected 0 to {NO_FINDING}"
        )
    # What is no number becomes none, which the writer refuses by the image's name.
    table[NUMBERS] = table[NUMBERS].apply(pd.to_numeric, errors="coerce")
    table[NUMBERS[-2:]] = table[NUMBERS[-2:]].where(table[NUMBERS[-2:]] > 0)
    facts: dict[str, dict] = {}
    boxes: dict[str, list[tuple]] = defaultdict(list)
    findings = table[table["class_id"] != NO_FINDING].groupby("image_id")
    for image_id, rows in tqdm(findings, desc="images", leave=False, disable=None):
        image = writer.image(str(image_id), source / "train" / f"{image_id}.png")
        height, width = image.shape[:2]
        name = f"{image_id}.png"
        facts[name] = dict(file_name=name, width=width, height=height)
        for row in rows.itertuples():
            fx, fy = width / row.width, height / row.height
            boxes[name].append(
                (
                    int(row.class_id),
                    row.x_min * fx,
                    row.y_min * fy,
                    (row.x_max - row.x_min) * fx,
                    (row.y_max - row.y_min) * fy,
                )
            )
    for split, names in carve(list(facts), dict(train=0.7, valid=0.1, test=0.2)).items():
        writer.split(split, [name.removesuffix(".png") for name in names])
        writer.boxes(split, [facts[name] for name in names], boxes, DATASET.classes)
