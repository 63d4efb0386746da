"""The model card: what it tells, and that foreign text in it is text."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lvmmed_backbones import catalogue
from lvmmed_backbones.conversion.card import card
from lvmmed_backbones.conversion.converting import FORMATS
from lvmmed_backbones.conversion.markdown import fenced
from lvmmed_backbones.conversion.scores import scores
from lvmmed_backbones.records import Backbone, Data, Provenance, WholeRecord
from lvmmed_backbones.records.checked import write_struct


def a_record(seed: int, value: float, **changes: object) -> WholeRecord:
    record = WholeRecord(
        run=f"{seed:016x}",
        task="drive",
        task_version=2,
        dataset="drive",
        kind="segmentation",
        backbone=Backbone("random_resnet50", "ResNet-50", "random", "none", 5, None),
        protocol="finetune",
        label_fraction=1.0,
        seed=seed,
        profile="small",
        threads=1,
        data_source="measured",
        metric="dice",
        metrics={"dice": value},
        data=Data("0", True, {"test": 1}),
        provenance=Provenance({}, {}, None, "2026"),
        cost={},
        cases=[],
    )
    return msgspec.structs.replace(record, **changes)


def a_card(entry: catalogue.Entry, name: str = "random_resnet50", **changes: object) -> str:
    usual = dict(name=name, to="timm", chosen=FORMATS["timm"], entry=entry, seed=0, side=224)
    usual |= dict(output="vector", difference=0.0, notes=(), table=(), folder="folder")
    return card(**(usual | changes))  # type: ignore[arg-type]


def test_scores_are_means_over_seeds_of_real_images(tmp_path: Path) -> None:
    other = Backbone("another", "ResNet-50", "random", "none", 5, None)
    for place, record in enumerate(
        (
            a_record(0, 0.5),
            a_record(1, 0.6),
            a_record(2, 0.9, data_source="phantom"),
            a_record(3, 0.9, backbone=other),
        )
    ):
        (tmp_path / str(place)).mkdir()
        write_struct(tmp_path / str(place) / "record.json", record)
    entry = catalogue.get("random_resnet50")
    table, unread = scores("random_resnet50", entry, (tmp_path, tmp_path))
    assert unread == [] and table[0] in a_card(entry, table=table)
    rows = [line for line in table[0].splitlines() if line.startswith("| drive")]
    assert len(rows) == 1 and "55.0 ± 7.1 | 2 |" in rows[0]


def test_runs_of_two_recipes_have_no_mean_in_common(tmp_path: Path) -> None:
    for seed, recipe in enumerate(("suite", "release")):
        (tmp_path / recipe).mkdir()
        write_struct(
            tmp_path / recipe / "record.json", a_record(seed, 0.5 + seed / 10, recipe=recipe)
        )
    table, _ = scores("random_resnet50", catalogue.get("random_resnet50"), (tmp_path,))
    rows = [line for line in table[0].splitlines() if line.startswith("| drive")]
    assert "| release | dice |" in rows[0] and "| 60.0 | 1 |" in rows[0]
    assert "| suite | dice |" in rows[1] and "| 50.0 | 1 |" in rows[1]


def test_records_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "record.json").write_text("no record")
    table, unread = scores("random_resnet50", catalogue.get("random_resnet50"), (tmp_path,))
    assert table == [] and len(unread) == 1 and "record.json" in unread[0]


def test_records_of_other_weights_are_left_out(tmp_path: Path) -> None:
    name = "imagenet_resnet50"
    for seed, digest in enumerate((catalogue.get(name).weights.sha256, "0")):  # type: ignore[union-attr]
        backbone = Backbone(name, "ResNet-50", "supervised", "ImageNet", 5, digest.ljust(64, "0"))
        (tmp_path / str(seed)).mkdir()
        record = a_record(seed, 0.5 + seed / 10, backbone=backbone)
        write_struct(tmp_path / str(seed) / "record.json", record)
    table, _ = scores(name, catalogue.get(name), (tmp_path,))
    assert "| 50.0 | 1 |" in table[0]


def test_phantoms_alone_are_no_scores(tmp_path: Path) -> None:
    write_struct(tmp_path / "record.json", a_record(0, 0.9, data_source="phantom"))
    (text,), _ = scores("random_resnet50", catalogue.get("random_resnet50"), (tmp_path,))
    assert "phantoms alone" in text and "90" not in text


def test_a_random_network_has_seen_nothing_and_lvmmed_s_data_sets_are_named() -> None:
    assert "It has seen no image." in a_card(catalogue.get("random_resnet50"))
    text = a_card(catalogue.get("lvmmed_resnet50"), "lvmmed_resnet50")
    assert "Declared data sets: " in text


def test_the_head_is_yaml_of_a_hub() -> None:
    for name, licence in (("lvmmed_resnet50", "cc-by-nc-nd-2.0"), ("clip_vit_base", None)):
        head = a_card(catalogue.get(name), name).split("---\n")[1]
        facts = yaml.safe_load(head)
        assert facts["license"] == ("other" if licence else "mit")
        assert facts.get("license_name") == licence and facts["library_name"] == "timm"


HOSTILE = st.text() | st.sampled_from(
    [
        "```\n# x",
        "---\nlicense: mit",
        "<script>alert(1)</script>",
        "a | b",
        "[x](http://y)",
        "\x1b[2J",
    ]
)


@given(st.lists(HOSTILE, min_size=7, max_size=7))
def test_foreign_text_is_no_markup(texts: list[str]) -> None:
    entry = catalogue.get("random_resnet50")
    usual = a_card(entry, notes=("a note",)).splitlines()
    words = dict(zip(("licence", "method", "source", "corpus"), texts, strict=False))
    named = (
        "".join(filter(str.isprintable, texts[4])).strip() or "a"
    )  # as files of the catalogue must
    entry = replace(entry, **words, data_sets=(named,))  # type: ignore[arg-type]
    text = a_card(entry, notes=texts[5:6], folder=texts[6])
    lines = text.splitlines()
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["library_name"] == "timm" and len(head) <= 5
    lines = [re.sub("^`{3,}", "```", line) for line in lines]
    marks = ("#", "```", "---", "|")
    assert [x for x in lines if x.startswith(marks)] == [x for x in usual if x.startswith(marks)]
    inside = lines.index("```python"), lines.index("```")
    outside = lines[: inside[0]] + lines[inside[1] :]
    assert not any(re.search(r"(?<!\\)<", line) for line in outside)
    compile("\n".join(lines[inside[0] + 1 : inside[1]]), "usage", "exec")
    assert all(line.isprintable() for line in lines)


@given(st.text())
def test_no_line_ends_a_block(text: str) -> None:
    first, *inner, last = fenced("text", text).split("\n")
    fence = first.removesuffix("text")
    assert fence == last and not any(line.strip().startswith(fence) for line in inner)
    assert all(line.isprintable() for line in inner)


@pytest.mark.parametrize("to", FORMATS)
def test_every_format_tells_how_to_load_it(to: str) -> None:
    entry = catalogue.get("random_resnet50")
    code = FORMATS[to].usage("folder", entry, 224)
    compile(code, to, "exec")
    assert "folder" in code
