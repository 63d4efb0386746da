"""Galleries: read with distrust, drawn as they are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from PIL import Image

from lvmmed_backbones.records import StoredRecord, read
from reports.reading.gallery import (
    LARGEST,
    Boxes,
    StoredGallery,
    read_boxes,
    read_gallery,
    read_labels,
)
from reports.render.figures.gallery_figure import draw_gallery
from reports.render.figures.overlays import (
    ERRORS,
    FALSE_ALARM,
    MISSED,
    NO_ERROR,
    RIGHT,
    WRONG_CLASS,
    box_iou,
    class_colour,
    error_map,
    match_boxes,
    paint,
)  # fmt: skip
from reports.render.figures.plan import plan_figures

ENTRY = dict(role="best", case="A/01", image="A/01", score=0.75)
Make = Callable[..., StoredRecord]


@pytest.fixture
def make(write: Callable[..., Path], tmp_path: Path) -> Make:
    """A record with a gallery: `make('segmentation', entries, {'a.png': array, 'b.json': content})`."""

    def maker(
        kind: str, entries: list[dict], files: dict[str, Any], /, **index: Any
    ) -> StoredRecord:
        folder = write().parent / "gallery"
        folder.mkdir()
        for name, content in files.items():
            if isinstance(content, np.ndarray):
                Image.fromarray(content).save(folder / name)
            else:
                (folder / name).write_text(json.dumps(content))
        classes = {"detection": ["polyp"]}.get(kind, ["background", "vessel", "disc"])
        content = dict(schema=1, kind=kind, metric="dice", classes=classes, entries=entries)
        (folder / "gallery.json").write_text(json.dumps(content | index))
        (record,), _ = read(tmp_path)
        return record

    return maker


@pytest.fixture
def segmented(make: Make) -> Callable[..., StoredRecord]:
    """A record with one segmented case; fields of its entry and of the index can be changed."""

    def maker(entry: dict[str, Any] | None = None, **index: Any) -> StoredRecord:
        rng = np.random.default_rng(0)
        image = rng.integers(0, 255, (8, 6, 3)).astype(np.uint8)
        truth, prediction = (rng.integers(0, 3, (8, 6)).astype(np.uint8) for _ in range(2))
        truth[0] = 255
        files = dict(image="i.png", truth="t.png", prediction="p.png")
        content = {"i.png": image, "t.png": truth, "p.png": prediction}
        return make("segmentation", [ENTRY | dict(files=files) | (entry or {})], content, **index)

    return maker


def gallery_of(record: StoredRecord) -> StoredGallery:
    found = read_gallery(record)
    assert found is not None
    return found


def test_no_gallery(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    (record,), _ = read(tmp_path)
    assert read_gallery(record) is None


def test_segmentation_is_drawn_as_it_is(segmented: Callable[..., StoredRecord]) -> None:
    gallery = gallery_of(segmented())
    (entry,) = gallery.entries
    truth, prediction = (read_labels(gallery.file(entry, n), 3) for n in ("truth", "prediction"))
    with Image.open(gallery.file(entry, "image")) as opened:
        image = np.asarray(opened)
    figure = draw_gallery(gallery)
    shown = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    np.testing.assert_array_equal(shown[0], image)
    for picture, labels in ((shown[1], truth), (shown[2], prediction)):
        for label in (1, 2):
            here = labels == label
            expected = 0.6 * np.array(to_rgb(class_colour(label))) + 0.4 * image[here] / 255
            np.testing.assert_allclose(picture[here], expected)
        clear = (labels == 0) | (labels == 255)
        np.testing.assert_allclose(picture[clear], image[clear] / 255)
    wrong = (truth != prediction) & (truth != 255)
    colours = np.array([to_rgb(colour) for _, colour in ERRORS.values()])
    nearest = np.linalg.norm(shown[3][..., None, :] - colours, axis=-1).argmin(-1) + RIGHT
    assert (nearest[wrong & (prediction == 0)] == MISSED).all()
    assert (nearest[wrong & (truth == 0)] == FALSE_ALARM).all()
    words = [text.get_text() for text in figure.axes[0].get_children() if hasattr(text, "get_text")]
    assert "image" in words
    assert figure.axes[0].get_ylabel() == "BEST\nA/01\nDice 75.0 %"


def test_boxes_are_drawn_as_they_are(make: Make) -> None:
    boxes = dict(
        truth=[dict(label=0, box=[1, 1, 5, 5]), dict(label=0, box=[6, 6, 9, 9])],
        prediction=[
            dict(label=0, box=[1, 1, 5, 6], score=0.4),
            dict(label=0, box=[0, 0, 2, 2], score=0.9),
            dict(label=0, box=[6, 6, 9, 9], score=0.1),
        ],
    )
    files = {"i.png": np.zeros((10, 10), np.uint8), "b.json": boxes}
    entry = ENTRY | dict(files=dict(image="i.png", boxes="b.json"))
    figure = draw_gallery(gallery_of(make("detection", [entry], files, metric="map50")))
    drawn = []
    for axes in figure.axes[:4]:
        patches = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        drawn.append(
            {
                (*p.get_xy(), p.get_x() + p.get_width(), p.get_y() + p.get_height()): p
                for p in patches
            }
        )
    assert [set(some) for some in drawn] == [
        set(),
        {(1, 1, 5, 5), (6, 6, 9, 9)},
        {(1, 1, 5, 6), (0, 0, 2, 2)},
        {(1, 1, 5, 6), (0, 0, 2, 2), (6, 6, 9, 9)},
    ]
    colours = {corners: patch.get_edgecolor()[:3] for corners, patch in drawn[3].items()}
    expected = {(1, 1, 5, 6): RIGHT, (0, 0, 2, 2): FALSE_ALARM, (6, 6, 9, 9): MISSED}
    assert colours == {corners: to_rgb(ERRORS[code][1]) for corners, code in expected.items()}
    assert [axes.get_title() for axes in figure.axes[:4]][2:] == ["prediction", "outcome"]
    handles = {
        text.get_text(): line
        for axes in figure.axes
        if (legend := axes.get_legend())
        for text, line in zip(legend.get_texts(), legend.get_lines(), strict=False)
    }
    assert set(handles) == {"true positive", "missed", "false positive"}
    dashes = {str(line._unscaled_dash_pattern) for line in handles.values()}
    assert len(dashes) == 3, "without colour, too"


def test_a_figure_of_boxes_says_how_they_are_matched(make: Make) -> None:
    boxes = dict(truth=[dict(label=0, box=[1, 1, 5, 5])], prediction=[])
    files = {"i.png": np.zeros((10, 10), np.uint8), "b.json": boxes}
    entry = ENTRY | dict(files=dict(image="i.png", boxes="b.json"))
    made = plan_figures([make("detection", [entry], files, metric="map50")], kinds=["gallery"])
    (figure,) = made.figures
    assert "Predictions of a score below 0.3 are not shown" in figure.note
    assert "IoU of 0.5 or more, each true box once" in figure.note
    legends = [axes.get_legend() for axes in figure.draw().axes if axes.get_legend()]
    assert [text.get_text() for text in legends[1].get_texts()] == ["missed"]


def test_probabilities_are_drawn_as_they_are(make: Make) -> None:
    entry = ENTRY | dict(
        role="wrong",
        files=dict(image="i.png"),
        truth=2,
        prediction=1,
        probabilities=[0.1, 0.7, 0.2],
    )
    record = make(
        "classification", [entry], {"i.png": np.zeros((4, 4), np.uint8)}, metric="probability"
    )
    axes = draw_gallery(gallery_of(record)).axes[1]
    assert [patch.get_width() for patch in axes.patches] == pytest.approx([70, 20, 10])
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "vessel",
        "disc",
        "background",
    ]
    assert axes.patches[0].get_hatch() and not axes.patches[1].get_hatch()


def test_an_empty_gallery_is_not_drawn(make: Make) -> None:
    with pytest.raises(ValueError, match="empty"):
        draw_gallery(gallery_of(make("segmentation", [], {})))


@pytest.mark.parametrize(
    ("entry", "index", "message"),
    [
        ({"files": {"image": "i.png", "truth": "t.png"}}, {}, "no file of its prediction"),
        ({"files": {"image": "../record.json", "truth": "t.png", "prediction": "p.png"}}, {}, "leads out of"),
        ({"files": {"image": "/etc/passwd", "truth": "t.png", "prediction": "p.png"}}, {}, "leads out of"),
        ({"files": {"image": "gone.png", "truth": "t.png", "prediction": "p.png"}}, {}, "gone.png: is gone"),
        ({"score": 1.5}, {}, "entries"),
        ({"score": None}, {}, "entries"),
        ({"case": "a\x1b[2J"}, {}, "not printable"),
        ({}, {"schema": 2}, "reads up to 1"),
        ({}, {"kind": "audio"}, "kind"),
        ({}, {"classes": 3}, "classes"),
    ],
)  # fmt: skip
def test_a_spoilt_index_is_named(
    segmented: Callable[..., StoredRecord], entry: dict, index: dict, message: str
) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        read_gallery(segmented(entry, **index))
    assert "gallery.json" in str(raised.value)


def test_a_link_out_of_the_folder_is_refused(segmented: Callable[..., StoredRecord]) -> None:
    record = segmented()
    image = record.path.parent / "gallery" / "i.png"
    image.unlink()
    image.symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="leads out of"):
        read_gallery(record)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_a_file_cut_short_is_named(segmented: Callable[..., StoredRecord], content: bytes) -> None:
    record = segmented()
    (record.path.parent / "gallery" / "gallery.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"gallery\.json: .*run `python -m benchmarks run` again"):
        read_gallery(record)


def test_pictures_that_are_none_or_differ_are_named(segmented: Callable[..., StoredRecord]) -> None:
    record = segmented()
    folder = record.path.parent / "gallery"
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "t.png")
    with pytest.raises(ValueError, match="differ in size"):
        draw_gallery(gallery_of(record))
    Image.fromarray(np.zeros((1, LARGEST + 1), np.uint8)).save(folder / "t.png")
    with pytest.raises(ValueError, match="more than 1024 a side"):
        draw_gallery(gallery_of(record))
    Image.fromarray(np.zeros((8, 6, 3), np.uint8)).save(folder / "t.png")
    with pytest.raises(ValueError, match="mode RGB"):
        draw_gallery(gallery_of(record))
    (folder / "t.png").write_bytes((folder / "p.png").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"t\.png: is no sound PNG"):
        draw_gallery(gallery_of(record))
    Image.fromarray(np.zeros((8, 6), np.uint8)).save(folder / "t.png", format="JPEG")
    with pytest.raises(ValueError, match="no sound PNG"):
        draw_gallery(gallery_of(record))


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, 3, "x"], [1, 2, 3, None], "1234"])
def test_boxes_that_are_none_are_named(tmp_path: Path, box: Any) -> None:
    path = tmp_path / "b.json"
    path.write_text(json.dumps(dict(truth=[dict(label=0, box=box)], prediction=[])))
    with pytest.raises(ValueError, match=r"b\.json: "):
        read_boxes(path, 1)
    path.write_text(json.dumps(dict(truth=[dict(label=3, box=[1, 2, 3, 4])], prediction=[])))
    with pytest.raises(ValueError, match="class 3 of 1 classes"):
        read_boxes(path, 1)


labels = arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 1, 2, 255]))


@given(labels, labels.map(lambda a: np.where(a == 255, 0, a).astype(np.uint8)))
def test_errors_pixel_by_pixel(truth: np.ndarray, prediction: np.ndarray) -> None:
    for t, p, code in zip(
        truth.flat, prediction.flat, error_map(truth, prediction).flat, strict=True
    ):
        if t == 255 or t == p == 0:
            assert code == NO_ERROR
        elif t == p:
            assert code == RIGHT
        elif p == 0:
            assert code == MISSED
        else:
            assert code == (FALSE_ALARM if t == 0 else WRONG_CLASS)


def test_error_maps_of_different_sizes() -> None:
    with pytest.raises(ValueError, match=r"\(2, 2\)"):
        error_map(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8))


def test_painting_leaves_the_image_as_it_was() -> None:
    image = np.full((2, 2, 3), 100, np.uint8)
    paint(image, np.ones((2, 2), np.uint8), {1: "#ffffff"}, 0.5)
    assert (image == 100).all()


corner = st.integers(0, 6)
some_boxes = st.lists(
    st.tuples(corner, corner, st.integers(1, 5), st.integers(1, 5), st.integers(0, 1)), max_size=5
)


def counted(boxes: list[tuple]) -> tuple[np.ndarray, np.ndarray]:
    sides = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in boxes], float).reshape(-1, 4)
    return sides, np.array([box[-1] for box in boxes], np.int64)


@given(some_boxes, some_boxes)
def test_overlap_of_boxes_by_counting_pixels(a: list[tuple], b: list[tuple]) -> None:
    shared = box_iou(counted(a)[0], counted(b)[0])
    for row, (x, y, w, h, _) in enumerate(a):
        one = {(i, j) for i in range(x, x + w) for j in range(y, y + h)}
        for column, (u, v, s, t, _) in enumerate(b):
            other = {(i, j) for i in range(u, u + s) for j in range(v, v + t)}
            assert shared[row, column] == pytest.approx(len(one & other) / len(one | other))


@given(some_boxes, some_boxes)
def test_each_true_box_is_found_once_by_the_surest(truth: list[tuple], found: list[tuple]) -> None:
    """Against a loop as COCO's evaluation describes it."""
    (corners, classes), (predicted, labels_) = counted(truth), counted(found)
    scores = np.linspace(1, 0.5, len(found))
    got_found, got_right = match_boxes(Boxes(corners, classes, predicted, labels_, scores))
    free, right = set(range(len(truth))), []
    for box, label in zip(predicted, labels_, strict=True):
        overlaps = {
            t: box_iou(box[None], corners[[t]])[0, 0] for t in sorted(free) if classes[t] == label
        }
        best = max(overlaps, key=lambda t: overlaps[t], default=None)
        right.append(best is not None and overlaps[best] >= 0.5)
        if right[-1]:
            free.remove(best)
    assert got_right.tolist() == right
    assert set(np.flatnonzero(~got_found)) == free
