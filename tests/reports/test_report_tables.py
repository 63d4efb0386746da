"""The tables of the paper: from published figures alone, and with measured ones beside them."""

from __future__ import annotations

import csv as standard_csv
import io
import re
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lvmmed_backbones.records import read
from reports import published
from reports.__main__ import main
from reports.analysis.paper_cells import PaperCell, PaperRow, mark_best, mean_cell
from reports.analysis.paper_frames import check_rows, choose_frames
from reports.published.layout import LAYOUTS, TABLE_NAMES
from reports.reading.scores import read_scores
from reports.render.text.latex import table_latex
from reports.render.text.markdown import tables_markdown
from reports.render.text.paper_files import tables_csv, tables_page
from reports.render.text.paper_text import Collected, PaperTable, cell_text, collect_tables
from reports.statistics.intervals import mean_interval

FIGURES = published.read()
PAPER = (
    "LVM-Med, 1.3 million images of 55 data sets"  # as the catalogue says of the released weights
)
SAM = "SA-1B (after MAE on ImageNet-1k)"
HOSTILE = r"<script>alert(1)</script> \input{x} 50% $x_1^2$ & # ~ {a} |b| `c` “漢”"


def collected(
    folder: Path | None,
    *names: str,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
) -> Collected:
    records = []
    if folder:
        records, problems = read(folder)
        assert not problems
    check_rows(rows, FIGURES, records)
    found = collect_tables(choose_frames(names, columns, FIGURES, records), records, rows)
    assert not found.problems
    return found


def made(folder: Path | None, *names: str) -> list[PaperTable]:
    return collected(folder, *names).tables


def only(folder: Path | None, name: str) -> PaperTable:
    (one,) = made(folder, name)
    return one


def row(table: PaperTable, name: str, source: str) -> PaperRow:
    (one,) = [r for r in table.rows if (r.name, r.source) == (name, source)]
    return one


def backbone(name: str, method: str, architecture: str = "ResNet-50", corpus: str = PAPER) -> dict:
    return {
        "backbone.name": name,
        "backbone.method": method,
        "backbone.architecture": architecture,
        "backbone.corpus": corpus,
        "profile": "paper",
        "recipe": "release",
    }


LVMMED = backbone("lvmmed_resnet50", "LVM-Med")


def csv_rows(found: Sequence[PaperTable]) -> list[dict[str, str]]:
    return list(standard_csv.DictReader(io.StringIO(tables_csv(found))))


def cases(values: list[float], metric: str = "dice", site: str = "") -> list[dict[str, Any]]:
    return [{"case": f"{site}{n:02}", metric: value} for n, value in enumerate(values)]


# Published alone.


def test_every_table_of_the_paper_is_there_with_all_its_figures() -> None:
    found = made(None)
    assert tuple(table.name for table in found) == TABLE_NAMES
    assert set(TABLE_NAMES) == set(FIGURES["table"])
    for table, layout in zip(found, LAYOUTS, strict=True):
        mine = FIGURES[FIGURES["table"] == table.name]
        cells = [c for r in table.rows for c in (r.cells[:-1] if layout.average else r.cells) if c]
        assert sorted(c.mean for c in cells) == sorted(mine["mean"])
        assert {c.source for c in cells} == {"published"}
        assert table.condition is None and not table.warnings
        assert list(dict.fromkeys(r.group for r in table.rows)) == list(mine["group"].unique())


@pytest.mark.parametrize(
    ("table", "group", "name", "average"),
    [
        ("table2", "2d_ssl_medical", "LVM-Med, ResNet-50", "83.05"),
        ("table3", "2d_ssl_medical", "LVM-Med, ResNet-50", "79.03"),  # 79.02 in the text
        ("table2", "prompt", "LVM-Med, ViT-B", "85.80"),
        ("appendix_table_prompt_3d", "prompt", "LVM-Med, ViT-B", "80.90"),
    ],
)
def test_averages_are_those_of_the_paper(table: str, group: str, name: str, average: str) -> None:
    (one,) = [r for r in only(None, table).rows if (r.group, r.name) == (group, name)]
    assert one.cells[-1] is not None
    assert str(cell_text(one.cells[-1])) == average


def test_columns_stand_in_the_papers_order() -> None:
    assert [task for task, _ in only(None, "table2").headings] == [
        "ISIC 2018", "JSRT", "Kvasir", "DRIVE", "BUID", "Average",
    ]  # fmt: skip
    assert only(None, "table5").headings == [
        ("FGADR", "accuracy, linear"), ("Brain tumour", "accuracy, linear"),
        ("FGADR", "accuracy, fine-tuned"), ("Brain tumour", "accuracy, fine-tuned"),
    ]  # fmt: skip
    assert [task for task, _ in only(None, "table4").headings] == ["BMC", "RUNMC", "BIDMC", "HK"]


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_the_best_are_those_that_a_loop_finds(name: str) -> None:
    table = only(None, name)
    for number in range(len(table.headings)):
        column = [(r.group, r.cells[number]) for r in table.rows if r.cells[number]]
        for group, one in column:
            rivals = [c.mean for g, c in column if g == group]
            everyone = [c.mean for _, c in column]
            ranked = name != "appendix_table_params"
            assert one.best_in_group == (ranked and one.mean == max(rivals) > min(rivals))
            assert one.best == (ranked and one.mean == max(everyone) > min(everyone))


def test_nobody_is_best_among_equals_and_ties_lead_together() -> None:
    def marks(*means: float) -> list[tuple[bool, bool]]:
        rows = [
            PaperRow("g", f"b{n}", "measured", [PaperCell("measured", m)])
            for n, m in enumerate(means)
        ]
        return [(c.best, c.best_in_group) for r in mark_best(rows) for c in r.cells if c]

    assert marks(50, 50) == [(False, False)] * 2
    assert marks(50) == [(False, False)]
    assert marks(50.001, 50.004) == [(False, False)] * 2, "they print alike"
    assert marks(50.001, 50.004, 49.99) == [(True, True), (True, True), (False, False)]


def test_the_ablation_quotes_another_linear_mean_than_table_5_has() -> None:
    """67.47 in the paper's ablation, 67.33 from its table 5: shown as printed, not repaired."""
    quoted = row(only(None, "table6"), "LVM-Med (full)", "published").cells[0]
    cells = row(only(None, "table5"), "LVM-Med, ResNet-50", "published").cells[:2]
    assert quoted and quoted.mean == 67.47
    assert statistics.fmean(c.mean for c in cells if c) == pytest.approx(67.33)


def test_a_misprint_is_said_below_its_table() -> None:
    assert any("MMWHS MRI, DINO: std printed as 78.74" in n for n in only(None, "table3").notes)


# Measured beside published.


def test_measured_stands_below_published_with_difference_and_interval(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for seed, shift in enumerate((-0.01, 0.0, 0.01)):
        values = [0.60 + shift + 0.01 * n for n in range(15)]
        write(value=statistics.fmean(values), fields=LVMMED, seed=seed, cases=cases(values))
    table = only(tmp_path, "table2")
    names = [(r.name, r.source) for r in table.rows]
    place = names.index(("lvmmed_resnet50", "measured"))
    assert names[place - 1] == ("LVM-Med, ResNet-50", "published")
    cell = table.rows[place].cells[3]
    (expected,) = read_scores(read(tmp_path)[0])
    found = mean_interval(expected)
    assert cell is not None and found is not None
    assert cell.mean == pytest.approx(67.0) and cell.std == pytest.approx(1.0) and cell.n == 3
    assert cell.published == 66.97
    assert cell.difference == pytest.approx(0.03)
    assert (cell.low, cell.high) == pytest.approx((100 * found.low, 100 * found.high))
    assert cell.within is True
    assert str(cell_text(cell)) == "67.00 ± 1.00 (+0.03, in)"
    assert table.rows[place].cells[0] is None and table.rows[place].cells[-1] is None
    assert not table.warnings


@pytest.mark.parametrize(
    ("published", "within"), [(49.9, False), (50, True), (52, True), (53, False)]
)
def test_within_means_between_the_ends(published: float, within: bool) -> None:
    cell = PaperCell("measured", 51, low=50, high=52, published=published)
    assert cell.within is within
    assert PaperCell("measured", 51, published=published).within is None
    assert PaperCell("measured", 51, low=50, high=52).within is None


def test_one_seed_without_cases_has_a_difference_and_no_interval(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(value=0.7, fields=LVMMED, cases=[])
    cell = row(only(tmp_path, "table2"), "lvmmed_resnet50", "measured").cells[3]
    assert cell is not None and cell.within is None and cell.low is None
    assert str(cell_text(cell)) == "70.00 (+3.03)"


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (LVMMED, "LVM-Med, ResNet-50"),
        (backbone("x", "LVMMed"), "LVM-Med, ResNet-50"),
        (backbone("x", "BarlowTwins"), "Barlow Twins, ResNet-50"),
        (backbone("x", "MoCo"), "MoCo-v2, ResNet-50"),
        (backbone("x", "SimCLR"), "SimCLR, ResNet-50"),
        (backbone("x", "DeepClusterV2"), "DeepCluster-v2, ResNet-50"),
        (backbone("x", "VICRegL"), "VICRegL, ResNet-50"),
        (backbone("x", "DINO"), "DINO, ResNet-50"),
        (backbone("x", "random", corpus="none"), "Random, ResNet-50"),
        (backbone("x", "supervised", corpus="ImageNet-1k"), "ImageNet, ResNet-50"),
        (backbone("x", "LVM-Med", "SAM ViT-B/16"), "LVM-Med, ViT-B"),
        (backbone("x", "Segment Anything", "SAM ViT-B/16", SAM), "SAM, ViT-B"),
        # No row of the paper, for the corpus is another:
        (backbone("x", "LVM-Med", corpus="mine, 20000 images, fingerprint 0123456789ab"), None),
        (backbone("x", "LVM-Med", corpus="LVM-Med, 20000 images, fingerprint 0123"), None),
        (backbone("x", "LVM-Med", "SAM ViT-B/16", "LVM-Med, and LIVECell"), None),
        (backbone("x", "SimCLR", corpus="unknown"), None),
        (backbone("x", "SimCLR", corpus="ImageNet-1k"), None),
        (backbone("x", "supervised", corpus="mine"), None),
        (backbone("x", "supervised", corpus="ImageNet-22k"), None),
        (backbone("x", "supervised"), None),
        (backbone("x", "Segment Anything", "SAM ViT-B/16"), None),
        (backbone("x", "random"), None),
        # For another reason:
        (backbone("x", "SimCLR", "ResNet-18"), None),
        (backbone("x", "supervised", "EfficientNet-Lite0", "ImageNet-1k"), None),
        (backbone("lvmmed_resnet50", "MAE"), None),
    ],
)
def test_a_backbone_stands_below_the_row_that_it_repeats(
    write: Callable[..., Path], tmp_path: Path, facts: dict, name: str | None
) -> None:
    write(value=0.7, fields=facts)
    table = only(tmp_path, "table2")
    place = [r.source for r in table.rows].index("measured")
    if name is None:
        assert table.rows[place].group == "measured" and place == len(table.rows) - 1
        cell = table.rows[place].cells[3]
        assert cell is not None and cell.published is None
        assert table.rows[place].name == facts["backbone.name"]
    else:
        assert table.rows[place - 1].name == name
        assert table.rows[place].group == table.rows[place - 1].group


def test_names_of_our_own_methods_are_rows_of_the_paper() -> None:
    """Every class of lvmmed_backbones.pretrain that a peer's config names finds its row."""
    from reports.published.paper_rows import normalised_method

    root = Path(__file__).resolve().parents[2] / "lvmmed_backbones/pretrain/configs"
    printed = {normalised_method(method) for method in FIGURES["method"]}
    model = re.compile(r'^model = dict\(\s*type="(\w+)"', re.MULTILINE)
    types = {match[1] for file in root.glob("*.py") for match in model.finditer(file.read_text())}
    assert len(types) == 8, "the configs are written otherwise"
    assert {normalised_method(name) for name in types} <= printed


def test_box_prompts_are_rows_of_their_group(write: Callable[..., Path], tmp_path: Path) -> None:
    for name, method, corpus in (
        ("lvmmed_vit_b", "LVM-Med", PAPER),
        ("sam_vit_b", "Segment Anything", SAM),
    ):
        facts = backbone(name, method, "SAM ViT-B/16", corpus)
        write(value=0.9, fields=facts, protocol="prompt", task="drive_prompt")
    table = only(tmp_path, "table2")
    for name, above in (
        ("lvmmed_vit_b", "LVM-Med, ViT-B"),
        ("sam_vit_b", "SAM (fixed encoder), ViT-B"),
    ):
        place = [r.name for r in table.rows].index(name)
        assert (table.rows[place].group, table.rows[place - 1].name) == ("prompt", above)
        assert table.rows[place].cells[3] is not None


def test_a_prostate_record_fills_the_four_sites(write: Callable[..., Path], tmp_path: Path) -> None:
    sites = {"BMC": 0.8, "RUNMC": 0.6, "BIDMC": 0.5, "HK": 0.4}
    for seed in range(3):
        by_site = {s: [v + 0.01 * (n + seed) for n in range(6)] for s, v in sites.items()}
        means = {f"dice/{s}": statistics.fmean(v) for s, v in by_site.items()}
        rows = [c for s, v in by_site.items() for c in cases(v, site=f"{s}/Case")]
        headline = statistics.fmean(means.values())
        write(value=headline, fields=LVMMED, seed=seed, task="prostate", dataset="prostate",
              metrics={"dice": headline, **means}, cases=rows)  # fmt: skip
    found = row(only(tmp_path, "table4"), "lvmmed_resnet50", "measured").cells
    for cell, start, printed in zip(
        found, sites.values(), (80.17, 62.48, 56.76, 52.78), strict=True
    ):
        assert cell is not None and cell.low is not None and cell.high is not None
        assert cell.mean == pytest.approx(100 * (start + 0.035))
        assert cell.low < cell.mean < cell.high, "of the site's own cases"
        assert cell.high - cell.low < 10
        assert cell.published == printed


def test_means_over_tasks_need_all_of_them(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=0.6, fields=LVMMED, task="fgadr_linear", dataset="fgadr", kind="classification",
          protocol="linear", metric="accuracy")  # fmt: skip
    assert only(tmp_path, "table6").condition is None, "one of two tasks is no mean"
    write(value=0.8, fields=LVMMED, task="brain_tumor_linear", dataset="brain_tumor",
          kind="classification", protocol="linear", metric="accuracy")  # fmt: skip
    cell = row(only(tmp_path, "table6"), "lvmmed_resnet50", "measured").cells[0]
    assert cell is not None
    assert (cell.mean, cell.published) == (pytest.approx(70.0), 67.47)
    assert mean_cell([cell, None]) is None


def test_an_own_pretraining_is_no_row_of_the_ablation(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for dataset in ("fgadr", "brain_tumor"):
        write(value=0.6, fields=backbone("mine", "LVMMed", corpus="mine"), task=f"{dataset}_linear",
              dataset=dataset, kind="classification", protocol="linear", metric="accuracy")  # fmt: skip
    assert row(only(tmp_path, "table6"), "mine", "measured").group == "measured"


def test_another_metric_or_protocol_fills_no_column(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(value=0.6, fields=LVMMED, dataset="kvasir", task="kvasir_detection", kind="detection",
          metric="map50")  # fmt: skip
    write(value=0.6, fields=LVMMED, dataset="brain_tumor", kind="classification", protocol="linear",
          metric="accuracy")  # fmt: skip
    assert only(tmp_path, "table2").condition is None
    (one,) = [r for r in only(tmp_path, "table5").rows if r.source == "measured"]
    assert [c is not None for c in one.cells] == [False, True, False, False]


def test_a_table_says_whose_split_its_measured_figures_have(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    words = "Split by this suite, since the paper's authors published no split: drive."
    assert words not in only(None, "table2").notes
    write(fields=LVMMED, task="drive", dataset="drive")
    write(fields=LVMMED, task="kvasir", dataset="kvasir")
    assert words in only(tmp_path, "table2").notes


def test_several_layers_are_not_the_one_layer_of_the_tables(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for task, value in (("brain_tumor_linear", 0.6), ("brain_tumor_linear_fcns", 0.9)):
        write(value=value, fields=LVMMED, task=task, dataset="brain_tumor", kind="classification",
              protocol="linear", metric="accuracy")  # fmt: skip
    cells = row(only(tmp_path, "table5"), "lvmmed_resnet50", "measured").cells
    (cell,) = [cell for cell in cells if cell is not None]
    assert cell.mean == pytest.approx(60.0)


def test_a_clean_split_is_a_row_and_a_mark_of_its_own(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for split, value in (("published", 0.7), ("clean", 0.6)):
        write(value=value, fields=LVMMED, task="fgadr_linear", dataset="fgadr", split=split,
              kind="classification", protocol="linear", metric="accuracy")  # fmt: skip
    table = only(tmp_path, "table5")
    dirty = row(table, "lvmmed_resnet50", "measured").cells[0]
    clean = row(table, "lvmmed_resnet50, clean split", "measured").cells[0]
    assert dirty is not None and clean is not None
    assert (dirty.mean, clean.mean) == (pytest.approx(70), pytest.approx(60))
    assert str(cell_text(clean)).endswith("‡") and "‡" not in str(cell_text(dirty))
    assert dirty.difference is not None and clean.difference is None, "of another split"
    assert any(note.startswith("‡ clean split") for note in table.notes)


def test_phantoms_are_named_and_compared_with_nothing(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(value=0.99, fields={**LVMMED, "profile": "mini"}, data_source="phantom")
    table = only(tmp_path, "table2")
    one = row(table, "lvmmed_resnet50", "phantom").cells[3]
    assert one is not None and one.difference is None and not one.best
    assert table.condition is not None and table.condition.data_source == "phantom"
    for text in (
        tables_markdown([table]),
        table_latex([table]),
        tables_page([table]),
    ):
        assert "PHANTOM: says nothing about medicine." in text
        assert "Profile mini: smaller than the paper" in text
    best = row(table, "LVM-Med, ResNet-50", "published").cells[3]
    assert best is not None and best.best, "no phantom takes the mark of a published figure"


def test_conditions_never_share_a_table(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=0.1, fields=LVMMED)
    write(value=0.2, fields=LVMMED, profile="small")
    write(value=0.3, fields=LVMMED, label_fraction=0.1)
    write(value=0.5, fields=LVMMED, recipe="suite")
    write(value=0.4, fields=LVMMED, data_source="phantom")
    found = made(tmp_path, "table2")
    means = [row(t, "lvmmed_resnet50", t.condition.data_source).cells[3].mean for t in found]
    assert means == pytest.approx([50, 10, 30, 20, 40])
    assert [len(t.warnings) for t in found] == [1, 0, 1, 1, 1]
    cells = [row(t, "lvmmed_resnet50", t.condition.data_source).cells[3] for t in found]
    assert [c.published for c in cells] == [None, 66.97, None, None, None], "only the paper's own"
    rows = csv_rows(found)
    mine = [r for r in rows if r["source"] != "published" and r["table"] == "table2"]
    assert [bool(r["difference"]) for r in mine] == [False, True, False, False, False]
    for text in (tables_markdown(found), table_latex(found), tables_page(found)):
        assert len(re.findall(r"\([+−]|\((?:\$-\$|\+)\d", text)) == 1
    assert "no difference to published figures is shown" in found[0].warnings[0]
    assert "profile paper, recipe release, all labels" in found[1].beside
    assert "not to be compared with published figures" in found[2].warnings[0]
    assert "not to be compared with published figures" in found[3].warnings[0]


# The forms.


def test_markdown_marks_the_best_and_splits_no_cell(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(value=0.7, fields=backbone(HOSTILE.replace('"', ""), "mine"))
    table = only(tmp_path, "table2")
    text = tables_markdown([table])
    assert "| <ins>**95.13**</ins> ± 2.64 |" in text and "| **86.76** ± 0.94 |" in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    bars = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines}
    assert bars == {len(table.headings) + 3}
    assert r"\<script\>" in text


def test_the_page_escapes_and_marks(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=0.7, fields=backbone(HOSTILE, "mine"))
    text = tables_page(made(tmp_path))
    assert "<script" not in text and "&lt;script&gt;" in text
    assert '<span class="group-best best">95.13</span> ± 2.64' in text
    assert not re.search(r"(?:src|href)=", text), "a page that asks for nothing"


def test_latex_escapes_and_marks(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=0.7, fields=backbone(HOSTILE, "mine"))
    text = table_latex([only(tmp_path, "table2")])
    assert r" & \underline{\textbf{95.13}} & \ $\pm$ 2.64" in text
    assert r" & \textbf{86.76} & \ $\pm$ 0.94" in text
    assert r"\textbackslash{}input\{x\}" in text and "U+6F22" in text
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert rule in text


def test_csv_is_exact_and_marks_every_cell(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=1 / 3, fields=LVMMED)
    found = made(tmp_path)
    cells = csv_rows(found)
    assert len(cells) == sum(c is not None for t in found for r in t.rows for c in r.cells)
    assert {c["source"] for c in cells} == {"published", "measured"}
    assert all(c["profile"] == "paper" for c in cells if c["source"] == "measured")
    (mine,) = [c for c in cells if c["source"] == "measured" and c["column"] == "DRIVE, Dice"]
    assert float(mine["mean"]) == pytest.approx(100 / 3, abs=1e-13)
    assert float(mine["difference"]) == pytest.approx(100 / 3 - 66.97, abs=1e-12)


# The command.


def test_published_alone_are_printed_and_nothing_is_written(
    tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["tables", "--table", "table2", "table4"]) == 0
    said = capsys.readouterr()
    assert "83.05" in said.out and "Prostate" in said.out and "Ablation" not in said.out
    assert not said.err and not list(tmp_path.iterdir())


def test_the_command_writes_every_form(write: Callable[..., Path], tmp_path: Path) -> None:
    write(value=0.7, fields=LVMMED)
    assert main(["tables", str(tmp_path)]) == 0
    files = {path.name for path in (tmp_path / "tables").iterdir()}
    forms = {f"tables.{form}" for form in ("tex", "md", "csv", "html")}
    assert files == forms | {f"{name}.tex" for name in (*TABLE_NAMES, "provenance")}
    once = {path: path.read_bytes() for path in (tmp_path / "tables").iterdir()}
    assert main(["tables", str(tmp_path)]) == 0
    assert once == {path: path.read_bytes() for path in (tmp_path / "tables").iterdir()}


def test_an_unknown_table_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "--table", "table9"]) == 1
    message = "--table table9: no such table. Did you mean table6? Choose from table2,"
    assert message in capsys.readouterr().err


def test_bad_records_are_named_and_the_rest_stands_in_the_tables(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(value=0.7, fields=LVMMED)
    cut = write("cut")
    cut.write_text("{")
    unread = write(value=0.8, fields=LVMMED, task="kvasir", dataset="kvasir", cases=None)
    assert main(["tables", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert str(cut) in said.err and f"{unread}: cases is None" in said.err
    assert "70.00 (+3.03)" in said.out and "80.00" not in said.out
