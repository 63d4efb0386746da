"""Tables and boxes with faults: each is refused in `prepare`, by a line with the file, the row and the value."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.layout import check, write_data_set
from lvmmed_backbones.layout.boxes import fault
from tasks import datasets
from tasks.__main__ import main
from tasks.datasets.cards import fgadr, kvasir, vindr
from tasks.download.tables import read_csv, read_json

COUNT = 300  # of each table
Cells = list[list[str]]


def fails(name: str, tmp_path: Path, capsys, message: str) -> None:
    """`tasks prepare` ends in one line with the message, and leaves nothing."""
    line = ["prepare", name, "--data", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    assert main(line) == 2
    said = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert len(said) == 1 and said[0].isprintable() and message in said[0], said
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def cells_of(path: Path) -> Cells:
    return list(csv.reader(io.StringIO(path.read_text())))


def write(path: Path, cells: Cells) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(cells)


# Columns of VinDr's table: image_id, class_name, class_id, rad_id, x_min, y_min, x_max, y_max, width, height
ID, NAME, CLASS, READER, LEFT, TOP, RIGHT, BOTTOM, WIDTH, HEIGHT = range(10)


def swap(cells: Cells) -> None:
    cells[3][LEFT], cells[3][RIGHT] = cells[3][RIGHT], cells[3][LEFT]


def put(column: int, value: str, row: int = 3) -> Callable[[Cells], None]:
    def change(cells: Cells) -> None:
        cells[row][column] = value

    return change


def repeat(cells: Cells) -> None:
    cells.insert(9, list(cells[3]))


def healthy(cells: Cells) -> None:
    cells.insert(9, [cells[3][ID], "No finding", "14", cells[3][READER], *[""] * 4, "2048", "2048"])


def outside(cells: Cells) -> None:
    cells[3][LEFT], cells[3][RIGHT] = "2048", "2049"


def thin(cells: Cells) -> None:
    cells[3][RIGHT] = cells[3][LEFT]


FAULTS: dict[str, tuple[Callable[[Cells], None], str]] = {
    "reversed": (swap, "train.csv: row 4: the box of 0{31}1 is reversed: x_min"),
    "empty box": (thin, "row 4: the box of 0{31}1 has no area: x_min"),
    "beyond the right": (put(RIGHT, "2050"), "row 4: .* leaves its image: .*x_max 2050.* 2048 x"),
    "beyond the top": (put(TOP, "-2"), "row 4: .* leaves its image: .*y_min -2"),
    "wholly outside": (outside, "row 4: .* leaves its image: x_min 2048, .* x_max 2049"),
    "width 0": (put(WIDTH, "0"), "row 4: .* has 0 x 2048 pixels"),
    "height below 0": (put(HEIGHT, "-5"), "row 4: .* has 2048 x -5 pixels"),
    "decimal comma": (put(LEFT, "480,5"), "row 4: the x_min is '480,5', not a number such as"),
    "not a number": (put(LEFT, "nan"), "row 4: the x_min is 'nan'"),
    "infinite": (put(RIGHT, "inf"), "row 4: the x_max is 'inf'"),
    "too large": (put(RIGHT, "1e999"), "row 4: the x_max is '1e999'"),
    "underscore": (put(RIGHT, "1_0"), "row 4: the x_max is '1_0'"),
    "other digits": (put(RIGHT, "\uff14\uff18"), "row 4: the x_max is "),
    "empty cell": (put(BOTTOM, ""), "row 4: the y_max is empty"),
    "no id": (put(ID, " "), "row 4: the image_id is empty"),
    "no reader": (put(READER, ""), "row 4: the rad_id is empty"),
    "repeated": (repeat, "row 10: repeats row 4, of the same image 0{31}1 and reader"),
    "two sizes": (put(WIDTH, "2000"), "row 4: .* has 2000 x 2048 pixels, but .* in row 3"),
    "finding and none": (healthy, "row 10: R1 has a finding in 0{31}1 and none, as of row 3"),
    "unknown class": (put(CLASS, "15"), "row 4: the class_id is 15: expected 0 to 14"),
    "half a class": (put(CLASS, "1.5"), "row 4: the class_id is '1.5', not a whole number"),
    "class of another name": (put(NAME, "ILD", 2), "row 3: the class_name is 'ILD', but that of"),
    "no finding, but a box": (put(CLASS, "14"), "row 4: (the class_name|has no finding, but)"),
    "long row": (lambda cells: cells[3].append("x"), "row 4 has 11 cells, of 10 columns"),
    "short row": (lambda cells: cells[3].pop(), "row 4 has 9 cells, of 10 columns"),
    "column twice": (lambda cells: cells[0].__setitem__(NAME, "width"), "has the column 'width' tw"),
    "no column": (put(READER, "x", 0), ""),  # a table without readers is one of the download's
    "id that leads out": (put(ID, "../../secret"), "row 4: the image_id is '../../secret', no"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_table_of_vindr(name: str, download, tmp_path: Path) -> None:
    table = download("vindr") / "train.csv"
    cells = cells_of(table)
    cells[3][ID] = cells[2][ID] = f"{1:032x}"
    change, message = FAULTS[name]
    change(cells)
    write(table, cells)
    if not message:
        assert check(datasets.prepare("vindr", tmp_path / "in", tmp_path / "out")) == []
        return
    with pytest.raises(ValueError, match=message) as found:
        datasets.prepare("vindr", tmp_path / "in", tmp_path / "out")
    assert "\n" not in str(found.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_two_readers_may_draw_the_same_box(download, tmp_path: Path) -> None:
    table = download("vindr") / "train.csv"
    cells = cells_of(table)
    before = len(vindr.read_findings(table)[cells[1][ID]].boxes)
    cells.insert(2, [*cells[1][:READER], "R2", *cells[1][LEFT:]])
    cells.append([cells[1][ID], "No finding", "14", "R3", "0", "0", "1", "1", "2048", "2048"])
    write(table, cells)
    assert len(vindr.read_findings(table)[cells[1][ID]].boxes) == before + 1
    assert check(datasets.prepare("vindr", tmp_path / "in", tmp_path / "out")) == []


def test_ids_with_leading_zeros_stay(download, tmp_path: Path) -> None:
    """All ids are digits: a reader of numbers would make 7 of 007."""
    source = download("vindr")
    cells = cells_of(source / "train.csv")
    names = {
        old: f"{number:05}" for number, old in enumerate(dict.fromkeys(c[0] for c in cells[1:]))
    }
    for row in cells[1:]:
        row[ID] = names[row[ID]]
    write(source / "train.csv", cells)
    for old, new in names.items():
        (source / "train" / f"{old}.png").rename(source / "train" / f"{new}.png")
    folder = datasets.prepare("vindr", tmp_path / "in", tmp_path / "out")
    assert (folder / "images" / "00007.png").is_file() and check(folder) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfei\0m\0a\0", "Save it as text in UTF-8"),
        ("name,größe\n".encode("latin-1"), "Save it as text in UTF-8"),
        (b'a,b\n"1,2\n', "is no whole table .* Download it again"),
        (b'a,b\n"1"x,2\n', "is no whole table"),
        (b"", "is no whole table .*it is empty"),
        (b"\n\n", "is no whole table .*it is empty"),
        (b"a,b\n1\n", "row 2 has 1 cells, of 2 columns"),
        (b"a,a\n1,2\n", "has the column 'a' twice"),
    ],
)
def test_what_is_no_table(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(Refused, match=rf"a\.csv: .*{message}"):
        read_csv(tmp_path / "a.csv", "rows")


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbfid,b\r\n007,x\r\n", b"id,b\r007,x\r", b'\n"id",b\n\n"007",x']
)
def test_what_is_a_table(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    (row,) = read_csv(tmp_path / "a.csv", "rows")
    assert row.cells == {"id": "007", "b": "x"}
    assert row.number == (4 if content.startswith(b"\n") else 2)


def test_a_cell_may_hold_any_character(tmp_path: Path) -> None:
    odd = [
        " a ",
        "#",
        "100 %",
        "a,b",
        "a\u2028b",
        "a\u0085b",
        "a\nb",
        "\u65e5",
        "''",
        'a"b',
        "NA",
        "None",
    ]
    write(tmp_path / "a.csv", [["id"], *([x] for x in odd)])
    assert [row.text("id") for row in read_csv(tmp_path / "a.csv", "rows")] == odd


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("{0},9", "row 1: {0} has the grade 9: expected 0 to 4"),
        ("{0},", "row 1: the grade is empty"),
        (",3", "row 1: the name is empty"),
        ("{0},1.5", "row 1: {0} has the grade 1.5"),
        ('{0},"3,0"', "row 1: {0} has the grade 3,0"),
        ("{0},1\n{0},1", "row 2: {0} has the grade 1 again, as of row 1"),
        ("{0},1\n{0},2", "row 2: {0} has the grade 2 and 1, as of row 1"),
        ("name,grade", "row 1: name has the grade grade: expected 0 to 4. Take the header out"),
        ("{0},1,2", "row 1 has 3 cells, of 2 columns"),
        ("{0};1", "row 1 has 1 cells, of 2 columns"),
        ("{0},\u0663", "row 1: {0} has the grade \u0663: expected 0 to 4. Use the table as"),
    ],
)
def test_a_fault_in_the_grades_of_fgadr(
    rows: str, message: str, download, tmp_path: Path, capsys
) -> None:
    table = download("fgadr") / "Seg-set" / "DR_Seg_Grading_Label.csv"
    lines = table.read_text().splitlines()
    name = lines[0].partition(",")[0]
    table.write_text("\n".join([rows.format(name), *lines[1:]]))
    fails("fgadr", tmp_path, capsys, f"{table}: {message.format(name)}")


SOUND = dict(label="polyp", xmin=10, ymin=20, xmax=30, ymax=40)
ENTRIES: list[tuple[object, str]] = [
    ([SOUND | dict(xmin=30, xmax=10)], "is reversed"),
    ([SOUND | dict(xmin=30)], "has no area"),
    ([SOUND | dict(xmax=482)], "leaves its image, 480 x 384 pixels"),
    ([SOUND | dict(ymin=-2)], "leaves its image"),
    ([SOUND | dict(xmin=480, xmax=481)], "leaves its image"),
    ([SOUND | dict(xmin="480,5")], "the xmin is '480,5', not a number"),
    ([SOUND | dict(xmin=True)], "the xmin is True, not"),
    ([SOUND | dict(xmin=float("nan"))], "the xmin is nan, not"),
    ([SOUND | dict(xmin=10**400)], "the xmin is 10+, not"),
    ([SOUND, SOUND], "it has the box"),
    ([SOUND | dict(label="ulcer")], "is of no polyp"),
    ([{"label": "polyp"}], "KeyError: 'xmin'"),
    ([], "it has no box"),
    ("polyp", "TypeError"),
    (None, "it has no box"),
]


@pytest.mark.parametrize(("boxes", "message"), ENTRIES)
def test_a_fault_in_the_boxes_of_kvasir(
    boxes: object, message: str, download, tmp_path: Path, capsys
) -> None:
    path = download("kvasir") / "kavsir_bboxes.json"
    content = json.loads(path.read_text())
    name = sorted(content)[3]
    content[name]["bbox"] = boxes
    path.write_text(json.dumps(content))
    fails("kvasir", tmp_path, capsys, f"{path}: the entry of {name} is not as expected: ")
    with pytest.raises(ValueError, match=message):
        datasets.prepare("kvasir", tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("width", [0, -3, None, "480", float("inf")])
def test_the_size_of_an_original_of_kvasir(width: object, download, tmp_path: Path, capsys) -> None:
    path = download("kvasir") / "kavsir_bboxes.json"
    content = json.loads(path.read_text())
    name = sorted(content)[3]
    content[name]["width"] = width
    path.write_text(json.dumps(content))
    fails("kvasir", tmp_path, capsys, f"{path}: the entry of {name} is not as expected: ")


def test_an_entry_that_comes_twice(download, tmp_path: Path, capsys) -> None:
    path = download("kvasir") / "kavsir_bboxes.json"
    name = sorted(json.loads(path.read_text()))[0]
    path.write_text(
        path.read_text()[:-1] + f', "{name}": {{"width": 1, "height": 1, "bbox": []}}}}'
    )
    fails("kvasir", tmp_path, capsys, f"{path}: has the entry '{name}' twice. Take one of the two")


def test_a_whole_file_of_another_kind_is_not_to_be_downloaded_again(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(Refused, match=r"holds a list, not boxes by name\. Is it the right file"):
        read_json(tmp_path / "a.json", "boxes")


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((0, 1, 1, 0, 2), "has no area"),
        ((0, 3, 1, -2, 2), "is reversed"),
        ((0, 1, 1, 9, 2), "leaves its image"),
        ((0, 8, 1, 0.5, 2), "leaves its image"),
        ((0, -3, 1, 2, 2), "leaves its image"),
        ((0, float("nan"), 1, 2, 2), "is not of numbers"),
        ((1, 1, 1, 2, 2), "has no class"),
    ],
)
def test_the_writer_refuses_a_box(box: tuple, message: str, tmp_path: Path) -> None:
    image = dict(file_name="a.png", width=8, height=8)
    with (
        pytest.raises(ValueError, match=rf"a\.png: the box .* {message}"),
        write_data_set(tmp_path / "set") as writer,
    ):
        writer.boxes("train", [image], {"a.png": [box]}, ["x"])
    assert list(tmp_path.iterdir()) == []


def test_a_box_may_leave_its_image_by_a_pixel() -> None:
    assert fault(-1, 0, 11, 10, 10, 10) == ""
    assert fault(10, 0, 11, 10, 10, 10) == "leaves its image"  # wholly outside
    assert fault(-1, 0, 0, 10, 10, 10) == "leaves its image"


# Generated tables

ODD = ["", " ", "0", "-1", "007", "480,5", "1e3", "nan", "inf", "9" * 400, "R2", "=1+1", "\x1b[2J", "\udcff", "a\nb",
       "2048", "2049", "2050", "14", "No finding", "x,y", '"', "\u2028", "\ufeff"]  # fmt: skip


def spoilt(cells: Cells, rng: random.Random) -> None:
    """One to three changes of cells, rows or columns."""
    for _ in range(rng.randint(1, 3)):
        row = rng.randrange(len(cells))
        column = rng.randrange(len(cells[row])) if cells[row] else 0
        way = rng.randrange(9)
        if way < 4 and cells[row]:
            cells[row][column] = rng.choice(ODD)
        elif way == 4 and cells[row]:
            other = rng.randrange(len(cells[row]))
            cells[row][column], cells[row][other] = cells[row][other], cells[row][column]
        elif way == 5:
            cells.insert(rng.randrange(len(cells)), list(cells[row]))
        elif way == 6 and cells[row]:
            del cells[row][column]
        elif way == 7:
            cells[row].insert(column, rng.choice(ODD))
        elif way == 8 and cells[row]:  # another row's value
            other = rng.choice(cells)
            cells[row][column : column + 1] = other[column : column + 1]


def changed(path: Path, cells: Cells, rng: random.Random) -> Cells:
    """Write a spoilt copy of a table; its rows that are not blank."""
    copy = [list(row) for row in cells]
    spoilt(copy, rng)
    text = io.StringIO()
    csv.writer(text).writerows(copy)
    path.write_bytes(text.getvalue().encode(errors="surrogateescape"))
    return [row for row in copy if row]


def refused(read: Callable, path: Path) -> object:
    """What is read of a table; None if it is refused, by one line."""
    try:
        return read(path)
    except Refused as error:
        assert str(error).startswith(f"{path}: ") and str(error).isprintable(), error
        return None


def test_generated_tables_of_findings(phantom_root: Path, tmp_path: Path) -> None:
    """What is not refused is what plain Python reads: sound boxes, none twice, each in its image."""
    cells, rng = cells_of(phantom_root / "vindr" / "train.csv"), random.Random(0)
    path, read = tmp_path / "train.csv", 0
    for _ in range(COUNT):
        names, *rows = changed(path, cells, rng)
        found = refused(vindr.read_findings, path)
        if found is None:
            continue
        read += 1
        boxes, readings = [], []
        for row in (dict(zip(names, row, strict=True)) for row in rows):
            label = int(float(row["class_id"]))
            if label == vindr.NO_FINDING:
                continue
            corners = tuple(float(row[c]) for c in vindr.CORNERS)
            left, top, right, bottom = corners
            assert left < right and top < bottom and min(left, top) >= -1
            assert right <= float(row["width"]) + 1 and bottom <= float(row["height"]) + 1
            boxes.append((row["image_id"], label, *corners))
            readings.append((*boxes[-1], row.get("rad_id")))
        assert len(set(readings)) == len(readings) or "rad_id" not in names
        assert sorted(boxes) == sorted(
            (name, *box) for name, original in found.items() for box in original.boxes
        )
    assert 10 < read < COUNT - 100


def test_generated_tables_of_grades(phantom_root: Path, tmp_path: Path) -> None:
    cells = cells_of(phantom_root / "fgadr" / "Seg-set" / "DR_Seg_Grading_Label.csv")
    path, rng, read = tmp_path / "grades.csv", random.Random(1), 0
    for _ in range(COUNT):
        rows = changed(path, cells, rng)
        found = refused(fgadr.read_grades, path)
        if found is not None:
            read += 1
            assert found == {name: int(grade) for name, grade in rows}
            assert len(found) == len(rows)
            assert set(found.values()) <= set(range(5))
    assert 10 < read < COUNT - 100


def test_generated_boxes(phantom_root: Path, tmp_path: Path) -> None:
    whole = json.loads((phantom_root / "kvasir-seg" / "kavsir_bboxes.json").read_text())
    rng, odd, read = (
        random.Random(2),
        [None, [], {}, "x", -1, 0, 1e400, 10**400, True, [[]], 481],
        0,
    )
    name = sorted(whole)[0]
    for _ in range(COUNT):
        entry = json.loads(json.dumps(whole[name]))
        target = rng.choice([entry, entry["bbox"][0], entry["bbox"][0]])
        key = rng.choice(list(target))
        target[key] = rng.choice(odd) if rng.random() < 0.6 else rng.randint(-20, 500)
        wrong = kvasir.fault_of(json.loads(json.dumps(entry)))
        assert isinstance(wrong, str)
        if not wrong:
            read += 1
            for _, x, y, width, height in kvasir.scaled(entry, 120, 96):
                assert width > 0 and height > 0 and min(x, y) >= -1
                assert x + width <= 120 + 120 / entry["width"] + 1e-9
                assert y + height <= 96 + 96 / entry["height"] + 1e-9
    assert 10 < read < COUNT - 100


def test_a_real_table_of_boxes(real_data: Path, tmp_path: Path) -> None:
    """50 chest X-rays with 283 boxes, as the table of VinDr has them."""
    folder = real_data / "chest_xray_boxes"
    (table,) = folder.glob("*.csv")
    with table.open() as file:
        rows = list(csv.DictReader(file))
    source = tmp_path / "in" / "vindr"
    (source / "train").mkdir(parents=True)
    lines = [["image_id", "class_id", "x_min", "y_min", "x_max", "y_max", "width", "height"]]
    for row in rows:
        corners = [row[c] for c in ("xmin", "ymin", "xmax", "ymax", "width", "height")]
        lines.append([Path(row["image_file"]).stem, "8", *corners])
    write(source / "train.csv", lines)
    for name in {row["image_file"] for row in rows}:
        with Image.open(folder / "images" / name) as image:
            image.convert("L").resize((64, 64)).save(source / "train" / f"{Path(name).stem}.png")
    prepared = datasets.prepare("vindr", tmp_path / "in", tmp_path / "out")
    assert check(prepared) == []
    found = [
        json.loads((prepared / "splits" / f"{split}.json").read_text())["annotations"]
        for split in ("train", "valid", "test")
    ]
    assert sum(map(len, found)) == len(rows) == 283
    assert np.isfinite([box["bbox"] for part in found for box in part]).all()
