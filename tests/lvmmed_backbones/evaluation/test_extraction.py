"""Features of images: vectors and maps, computed once, in the order of the data set."""

from __future__ import annotations

import errno
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from tqdm import tqdm

from lvmmed_backbones.evaluation import Resize, extraction, loading
from lvmmed_backbones.evaluation.encoders import Encoder, encoder_of
from lvmmed_backbones.evaluation.extraction import extract
from lvmmed_backbones.evaluation.replicas import devices_of, encoded, replicas_of
from lvmmed_backbones.evaluation.store import FeatureStore
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.files.writing import DiskFull


@dataclass
class Pictures:
    """The protocol, and nothing else."""

    arrays: list[np.ndarray]
    name: str = "pictures"

    def __len__(self) -> int:
        return len(self.arrays)

    def pixels(self, place: int) -> np.ndarray:
        return self.arrays[place]

    @property
    def names(self) -> list[str]:
        return [f"picture {place}" for place in range(len(self))]

    @property
    def keys(self) -> list[bytes]:
        return [array.tobytes()[:16] for array in self.arrays]


class Grid(nn.Module):
    """Maps of (3, 2, 4) mean colours."""

    def forward(self, images: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(images, (2, 4))


@pytest.fixture
def pictures() -> Pictures:
    random = np.random.default_rng(0)
    return Pictures(list(random.integers(0, 256, (50, 12, 16, 3), dtype=np.uint8)))


@pytest.fixture
def encoder() -> Encoder:
    return encoder_of(Grid(), transform=Resize(16))


def test_maps_are_the_encoders_and_stay_on_the_disk(
    pictures: Pictures, encoder: Encoder, tmp_path: Path
) -> None:
    pictures.arrays[7] = pictures.arrays[3]
    features = extract(encoder, pictures, tmp_path, output="maps", batch_size=8)
    assert (features.values.shape, features.values.dtype) == ((50, 3, 2, 4), np.float16)
    assert isinstance(features.values.mapped, np.memmap) and features.computed == 49
    batch = torch.stack([encoder.transform(picture) for picture in pictures.arrays])
    expected = encoder.maps(batch).numpy()
    np.testing.assert_allclose(features.values, expected, rtol=1e-3, atol=1e-3)
    for rows in (4, slice(3, 9), [8, 1, 1], torch.tensor([7, 2]), np.arange(50) % 3 == 0):
        np.testing.assert_array_equal(features.values[rows], np.asarray(features.values)[rows])


def test_vectors_and_maps_have_stores_of_their_own(
    pictures: Pictures, encoder: Encoder, tmp_path: Path
) -> None:
    for _ in range(2):
        vectors = extract(encoder, pictures, tmp_path)
        maps = extract(encoder, pictures, tmp_path, output="maps")
    assert (vectors.computed, maps.computed) == (0, 0)
    assert isinstance(vectors.values, np.ndarray) and vectors.values.dtype == np.float32
    np.testing.assert_allclose(np.asarray(maps.values).mean((2, 3)), vectors.values, atol=2e-3)


def test_a_disk_without_room_is_told_before_anything_is_computed(
    pictures: Pictures, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(Refused, match=r"need 3.2e-06 GB, and the disk has 1e-06 GB. Make room, or"):
        extract(encoder, pictures, tmp_path, output="maps")
    monkeypatch.undo()
    assert extract(encoder, pictures, tmp_path, output="maps").computed == 50


class Loud(Grid):
    def forward(self, images: Tensor) -> Tensor:
        return 1.01 * super().forward(images) ** 2


def test_maps_beyond_float16_name_the_image(pictures: Pictures, tmp_path: Path) -> None:
    pictures.arrays[20] = np.full((12, 16, 3), 255, np.uint8)
    loud = encoder_of(Loud(), transform=lambda image: torch.tensor(image.T).float())
    with pytest.raises(ValueError, match="Loud gives values above 65504 for picture 20, which fl"):
        extract(loud, pictures, tmp_path, output="maps", batch_size=8)
    assert extract(loud, pictures, tmp_path).computed == 50  # vectors are float32


def reference(encoder: Encoder, pictures: Pictures) -> np.ndarray:
    with torch.inference_mode():
        return encoder.encode(torch.stack([encoder.transform(p) for p in pictures.arrays])).numpy()


@pytest.mark.parametrize(
    "options",
    [
        dict(device=["cpu", "cpu", "cpu"], batch_size=4),
        dict(device="cpu", batch_size=100),
        dict(workers=2, batch_size=7),
        dict(batch_size=1),
    ],
    ids=str,
)
def test_devices_batches_and_workers_change_no_feature(
    pictures: Pictures, encoder: Encoder, tmp_path: Path, options: dict, monkeypatch
) -> None:
    monkeypatch.setattr(loading, "SMALL", 0)
    threads = torch.get_num_threads()
    features = extract(encoder, pictures, tmp_path, **options)
    np.testing.assert_allclose(features.values, reference(encoder, pictures), rtol=1e-5, atol=1e-6)
    assert features.computed == 50 and torch.get_num_threads() == threads


def test_without_bars_every_image_keeps_its_own_features(
    pictures: Pictures, encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As TQDM_DISABLE has it: a bar that is off does not count."""
    monkeypatch.setattr(extraction, "tqdm", partial(tqdm, disable=True))
    features = extract(encoder, pictures, tmp_path, batch_size=7)
    np.testing.assert_allclose(features.values, reference(encoder, pictures), rtol=1e-5, atol=1e-6)


def test_each_device_has_a_replica_and_work() -> None:
    encoder = encoder_of(Convolution(), transform=Resize(16))
    example = torch.zeros(1, 16, 16, 3, dtype=torch.uint8)
    devices = devices_of(["cpu", "cpu"])
    replicas = replicas_of(encoder, devices, "vector", "float32", example)
    modules = {id(replica.encoder.module): replica.encoder.module for replica in replicas}
    assert len(modules) == 2
    calls = dict.fromkeys(modules, 0)

    def count(module: nn.Module, *_: object) -> None:
        time.sleep(0.01)
        calls[id(module)] += 1

    for module in modules.values():
        module.register_forward_hook(count)
    list(encoded(replicas, [example] * 20))
    assert sum(calls.values()) == 20 and min(calls.values()) > 3


class Convolution(nn.Module):
    """Takes its channels last, or not: `view` refuses them."""

    def __init__(self, by_view: bool = False) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3)
        self.by_view = by_view

    def forward(self, images: Tensor) -> Tensor:
        maps = self.layer(images)
        return maps.view(len(maps), -1) if self.by_view else maps.flatten(1)


def test_a_module_that_needs_its_channels_first_has_them(
    pictures: Pictures, tmp_path: Path
) -> None:
    encoder = encoder_of(Convolution(by_view=True), transform=Resize(16))
    features = extract(encoder, pictures, tmp_path)
    np.testing.assert_allclose(features.values, reference(encoder, pictures), atol=1e-4)


def test_precisions_are_kept_apart(pictures: Pictures, tmp_path: Path) -> None:
    encoder = encoder_of(Convolution(), transform=Resize(16))
    full = extract(encoder, pictures, tmp_path, device="cpu")
    half = extract(encoder, pictures, tmp_path, device="cpu", precision="bfloat16")
    assert extract(encoder, pictures, tmp_path, device="cpu", precision="float32").computed == 0
    assert half.computed == 50 and half.values.dtype == np.float32
    error = np.abs(half.values - full.values).max()
    assert 0 < error < 0.05 * np.abs(full.values).max()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(device="cuda:99"), "device 'cuda:99': "),
        (dict(device="gpu"), "device 'gpu': "),
        (dict(device=[]), "no devices: name at least one"),
        (dict(precision="half"), "precision 'half': choose auto, float32 or bfloat16"),
    ],
    ids=str,
)
def test_settings_that_are_none_are_refused(
    pictures: Pictures, encoder: Encoder, tmp_path: Path, options: dict, words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        extract(encoder, pictures, tmp_path, **options)
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def picky(image: np.ndarray) -> Tensor:
    """Fails for the one image whose corner is white."""
    if (image[0, 0] == 255).all():
        raise KeyError("corner")
    return Resize(16)(image)


def unlike(image: np.ndarray) -> Tensor:
    """Another size for the one image whose corner is white."""
    return Resize(24 if (image[0, 0] == 255).all() else 16)(image)


class Vanishing(Pictures):
    def pixels(self, place: int) -> np.ndarray:
        if (self.arrays[place][0, 0] == 255).all():
            raise FileNotFoundError("b.png: no such image. Is the download complete?")
        return super().pixels(place)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("transform", "words"),
    [
        (picky, "picture 42: the transform raised KeyError: 'corner'"),
        (unlike, "picture 42: the transform returned a tensor (3, 24, 24), and (3, 16, 16) for pi"),
        (None, "b.png: no such image"),
    ],
    ids=["fails", "another size", "vanishes"],
)
def test_what_went_before_a_bad_image_stays(
    pictures: Pictures, tmp_path: Path, monkeypatch, transform, words: str, workers: int
) -> None:
    monkeypatch.setattr(loading, "SMALL", 0)
    good = pictures.arrays[42].copy()
    pictures.arrays[42][0, 0] = 255
    images = pictures if transform else Vanishing(pictures.arrays)
    encoder = encoder_of(Grid(), transform=transform or Resize(16))
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        extract(encoder, images, tmp_path, batch_size=8, workers=workers)
    assert str(caught.value).startswith(words) and "\n" not in str(caught.value)
    pictures.arrays[42] = good
    features = extract(encoder, images, tmp_path, batch_size=8)
    assert features.computed <= 18
    np.testing.assert_allclose(features.values, reference(encoder, pictures), rtol=1e-5, atol=1e-6)


class Fails(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images.reshape(7, -1)


class White(Grid):
    """Fails for an image whose mean is that of white."""

    def forward(self, images: Tensor) -> Tensor:
        if (images.mean((1, 2, 3)) > 2).any():
            raise KeyError("white")
        return super().forward(images)


def test_no_thread_outlives_a_failure(pictures: Pictures, tmp_path: Path) -> None:
    """A thread that the garbage collector ended later could wait for another one, for ever."""
    pictures.arrays[30][:] = 255
    extract(
        encoder_of(Grid(), transform=Resize(16)), pictures, tmp_path
    )  # torch's threads, the bar's
    before = set(threading.enumerate())
    with pytest.raises(ValueError, match="white") as held:  # its traceback holds every frame
        extract(encoder_of(White(), transform=Resize(16)), pictures, tmp_path, batch_size=4)
    assert set(threading.enumerate()) <= before and held


def test_a_module_that_fails_is_named(pictures: Pictures, tmp_path: Path) -> None:
    encoder = encoder_of(Fails(), transform=Resize(16))
    with pytest.raises(ValueError, match=r"Fails raised RuntimeError for images \(1, 3, 16, 16\)"):
        extract(encoder, pictures, tmp_path)


def exact(image: np.ndarray) -> Tensor:
    if image.shape != (12, 16, 3):
        raise ValueError("12 x 16 pixels alone")
    return torch.from_numpy(image).permute(2, 0, 1).float()


@pytest.mark.parametrize("transform", [exact, lambda x: torch.from_numpy(x.T.copy()).float()])
def test_a_transform_or_module_for_one_size_alone(
    pictures: Pictures, tmp_path: Path, transform
) -> None:
    module = nn.Sequential(nn.Flatten(), nn.Linear(12 * 16 * 3, 5))
    encoder = encoder_of(module, transform=transform)
    features = extract(encoder, pictures, tmp_path)
    expected = reference(encoder, pictures)
    np.testing.assert_allclose(features.values, expected, rtol=1e-4, atol=1e-3)
    assert extract(encoder, pictures, tmp_path).computed == 0


def test_images_that_are_all_the_same_are_no_fault(encoder: Encoder, tmp_path: Path) -> None:
    black = Pictures([np.zeros((8, 8, 3), np.uint8)] * 3)
    assert extract(encoder, black, tmp_path).values.shape == (3, 3)


PROCESS = """
import sys, time
from pathlib import Path
import numpy as np
import torch
from lvmmed_backbones.evaluation import Resize
from lvmmed_backbones.evaluation.data import read_data
from lvmmed_backbones.evaluation.encoders import encoder_of
from lvmmed_backbones.evaluation.extraction import extract

class Slow(torch.nn.Module):
    def forward(self, images):
        time.sleep(float(sys.argv[2]))
        return images.mean((2, 3))

arrays = np.random.default_rng(0).integers(0, 256, (400, 12, 12, 3), dtype=np.uint8)
images = read_data({"images": arrays, "labels": np.arange(400) % 2})
encoder = encoder_of(Slow(), transform=Resize(12))
print("begun", flush=True)
features = extract(encoder, images, Path(sys.argv[1]), batch_size=8)
expected = torch.stack([encoder.transform(array) for array in arrays]).mean((2, 3))
assert np.allclose(features.values, expected, atol=1e-5)
print(features.computed, flush=True)
"""


def process(cache: Path, delay: float) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, str(cache), str(delay)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_compute_nothing_twice(tmp_path: Path) -> None:
    both = [process(tmp_path, 0.001) for _ in range(2)]
    told = [child.communicate() for child in both]
    assert sorted(out.split()[-1] for out, _ in told) == ["0", "400"], told


@pytest.mark.slow
def test_kills_at_any_moment_leave_whole_features(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for _ in range(4):
        child = process(tmp_path, 0.02)
        assert child.stdout is not None and child.stdout.readline() == "begun\n"
        time.sleep(random.uniform(0.05, 0.6))
        child.kill()
        child.communicate()
    out, err = process(tmp_path, 0).communicate()
    assert out.split()[0] == "begun" and int(out.split()[1]) < 400, err


def test_a_disk_that_fills_up_leaves_what_was_written(
    pictures: Pictures, small_disk: Path, monkeypatch
) -> None:
    wide = encoder_of(nn.Flatten(), transform=Resize(128))
    monkeypatch.setattr(FeatureStore, "check_room", lambda *_: None)  # others fill the disk
    with pytest.raises(DiskFull):
        extract(wide, pictures, small_disk / "cache", batch_size=8)
    (folder,) = (small_disk / "cache").iterdir()
    count = FeatureStore(folder, (128 * 128 * 3,)).count()
    assert 0 < count < 50 and count % (8 // min(8, torch.get_num_threads())) == 0


def test_a_file_system_without_locks_is_told(
    pictures: Pictures, encoder: Encoder, tmp_path: Path, monkeypatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", none)
    with pytest.raises(Refused, match=r"has no locks \(No locks available\)\. Name a cache on a"):
        extract(encoder, pictures, tmp_path)
