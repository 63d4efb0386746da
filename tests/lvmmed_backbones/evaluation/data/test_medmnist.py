"""MedMNIST through its own package: from its folder, and from a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lvmmed_backbones.evaluation.data import read_data
from lvmmed_backbones.files.outside import Refused

info = pytest.importorskip("medmnist.info", reason="needs the extra medmnist")
SAMPLES = {"train": 12, "val": 6, "test": 6}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "medmnist"
    folder.mkdir()
    monkeypatch.setattr(info, "DEFAULT_ROOT", str(folder))
    return folder


def write(
    path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...] = (28, 28), classes: int = 2
) -> None:
    """A small file in place of a data set's, and its numbers in place of the package's."""
    random = np.random.default_rng(0)
    arrays = {}
    for part, count in SAMPLES.items():
        arrays[f"{part}_images"] = random.integers(0, 256, (count, *shape), dtype=np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % classes)[:, None].astype(np.uint8)
    np.savez(path, **arrays)
    monkeypatch.setitem(info.INFO[path.stem.partition("_")[0]], "n_samples", SAMPLES)


@pytest.mark.parametrize(("name", "side"), [("pneumoniamnist", 28), ("pneumoniamnist_64", 64)])
def test_a_file_in_its_folder_is_read_with_its_own_parts_and_classes(
    name: str, side: int, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / f"{name}.npz", monkeypatch, (side, side))
    data = read_data(name)
    assert (data.name, data.classes) == (name, ["normal", "pneumonia"])
    assert {part: len(data.of(part)) for part in ("train", "valid", "test")} == {
        "train": 12,
        "valid": 6,
        "test": 6,
    }
    assert data.pixels(0).shape == (side, side, 3) and not data.ordered
    reference = info_class(name)(split="val", root=str(root), size=side)
    place = data.of("valid")[1]
    assert np.array_equal(data.pixels(place)[..., 0], np.asarray(reference[1][0]))
    assert data.labels[place] == reference[1][1][0]


def info_class(name: str) -> type:
    from medmnist import dataset

    return getattr(dataset, info.INFO[name.partition("_")[0]]["python_class"])


def test_colours_and_grades(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root / "retinamnist.npz", monkeypatch, (28, 28, 3), classes=5)
    data = read_data("retinamnist")
    assert data.ordered and len(data.classes) == 5 and data.patients is None


def test_volumes_are_read_by_slices_of_one_case(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "nodulemnist3d.npz", monkeypatch, (28, 28, 28))
    data = read_data("nodulemnist3d")
    assert len(data) == 24 * 28 and len(set(data.cases)) == 24
    assert data.volumes is not None and data.patients == data.volumes
    array = np.load(root / "nodulemnist3d.npz")["train_images"]
    assert np.array_equal(data.pixels(28 + 3)[..., 0], array[1, 3])
    assert data.names[28 + 3] == "train/00001/003"


def test_what_no_probe_learns_is_refused_by_name(root: Path) -> None:
    with pytest.raises(ValueError, match="chestmnist: its images have 14 labels each"):
        read_data("chestmnist")
    with pytest.raises(
        ValueError, match="no data set of MedMNIST 'pneumonimnist': did you mean pn"
    ):
        read_data("pneumonimnist")
    with pytest.raises(ValueError, match=r"pneumoniamnist_96: there is no such size. Choose from"):
        read_data("pneumoniamnist_96")


def test_a_part_of_a_data_set_does_not_bear_its_name(root: Path) -> None:
    shipped = Path(__file__).parents[4] / "tasks/shipped/pneumonia/chest_xrays_28px.npz"
    (root / "pneumoniamnist.npz").write_bytes(shipped.read_bytes())
    with pytest.raises(Refused, match=r"has 2428 train images, of 4708. Delete it, so that"):
        read_data("pneumoniamnist")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "server"
    folder.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}", folder
        httpd.shutdown()


def test_a_file_is_fetched_once_and_its_checksum_compared(
    root: Path, server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, folder = server
    write(folder / "breastmnist.npz", monkeypatch)
    content = (folder / "breastmnist.npz").read_bytes()
    facts = info.INFO["breastmnist"]
    monkeypatch.setitem(facts, "url", f"{address}/breastmnist.npz")
    with pytest.raises(ConnectionError, match=r"breastmnist.npz is missing, and http.* cannot be"):
        read_data("breastmnist")  # its checksum is another file's
    assert not list(root.iterdir())
    monkeypatch.setitem(facts, "MD5", hashlib.md5(content).hexdigest())
    assert len(read_data("breastmnist")) == 24
    assert [file.name for file in root.iterdir()] == ["breastmnist.npz"]
    (folder / "breastmnist.npz").unlink()
    assert len(read_data("breastmnist")) == 24


def test_without_a_network_the_file_and_its_place_are_named(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(info.INFO["pneumoniamnist"], "url_224", "http://127.0.0.1:9/x.npz")
    with pytest.raises(ConnectionError) as error:
        read_data("pneumoniamnist_224")
    assert f"{root}/pneumoniamnist_224.npz is missing, and http://127.0.0.1:9/x.npz" in str(
        error.value
    )
    assert "\n" not in str(error.value) and not list(root.iterdir())
