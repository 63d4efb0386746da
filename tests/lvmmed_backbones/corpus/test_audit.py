"""The audit: what it finds again, what it leaves alone."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from scipy.fft import dctn

from lvmmed_backbones.command.cli import main
from lvmmed_backbones.corpus.hashes import perceptual_hash, pixel_hash, thumbnail
from lvmmed_backbones.corpus.manifest import read_summary
from lvmmed_backbones.records.audits import read_audits


def picture(seed: int, side: int = 120) -> np.ndarray:
    """Soft blobs on several scales, grey."""
    rng = np.random.default_rng(seed)
    image = sum(
        cv2.resize(rng.uniform(-1, 1, (n, n)), (side, side), interpolation=cv2.INTER_CUBIC) / n**0.5
        for n in (4, 9, 20)
    )
    return np.uint8(np.clip(128 + 90 * image, 0, 255))


CHANGES = {
    "same": lambda x: x,
    "smaller": lambda x: cv2.resize(x, (80, 80), interpolation=cv2.INTER_AREA),
    "compressed": lambda x: np.asarray(Image.open(jpeg(x, 60))),
    "brighter": lambda x: np.uint8(np.clip(x * 0.8 + 40, 0, 255)),
    "flipped": lambda x: np.ascontiguousarray(x[:, ::-1]),
    "cut": lambda x: x[2:-2, 2:-2],
}


def jpeg(image: np.ndarray, quality: int) -> io.BytesIO:
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=quality)
    return content


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """40 pictures."""
    (tmp_path / "in").mkdir()
    for seed in range(40):
        Image.fromarray(picture(seed)).save(tmp_path / "in" / f"{seed}.png")
    assert (
        main(
            [
                "corpus",
                "build",
                f"x={tmp_path / 'in'}",
                "--out",
                str(tmp_path / "corpus"),
                "--workers",
                "1",
            ]
        )
        == 0
    )
    return tmp_path / "corpus"


def audit(corpus: Path, *more: str) -> tuple[int, list[dict]]:
    report = corpus.parent / "report.csv"
    line = ["corpus", "audit", str(corpus), "--test", str(corpus.parent / "test"), "--workers", "1"]
    code = main([*line, "--report", str(report), *more])
    with report.open() as file:
        return code, list(csv.DictReader(file))


@pytest.mark.parametrize("change", CHANGES)
def test_an_image_is_found_again(change: str, corpus: Path) -> None:
    (corpus.parent / "test").mkdir()
    for seed in range(5):
        changed = CHANGES[change](picture(seed))
        Image.fromarray(changed).save(corpus.parent / "test" / f"{seed}.png")
    code, rows = audit(corpus)
    assert code == 1
    assert {(Path(r["test"]).name, r["source"]) for r in rows} == {
        (f"{s}.png",) * 2 for s in range(5)
    }
    assert {r["kind"] for r in rows} == {"exact" if change == "same" else "near"}


def test_other_images_are_left_alone(corpus: Path) -> None:
    (corpus.parent / "test").mkdir()
    for seed in range(100, 200):
        Image.fromarray(picture(seed)).save(corpus.parent / "test" / f"{seed}.png")
    assert audit(corpus) == (0, [])


def test_duplicates_are_left_out_on_demand(corpus: Path) -> None:
    (corpus.parent / "test").mkdir()
    Image.fromarray(picture(3)).save(corpus.parent / "test" / "a.png")
    fingerprint = (corpus / "corpus.json").read_text()
    code, rows = audit(corpus, "--remove")
    assert code == 0 and len(rows) == 1
    left = pq.read_table(corpus / "manifest.parquet")["source"].to_pylist()
    assert len(left) == 39 and "3.png" not in left
    assert (corpus / "corpus.json").read_text() != fingerprint
    assert "3.png" in (corpus / "removed.csv").read_text()
    assert audit(corpus) == (0, [])


def test_a_corpus_that_is_built_again_wants_another_audit(corpus: Path, capsys) -> None:
    (corpus.parent / "test").mkdir()
    Image.fromarray(picture(3)).save(corpus.parent / "test" / "a.png")
    assert audit(corpus, "--remove")[0] == 0
    capsys.readouterr()
    for said in (True, False):
        line = ["corpus", "build", f"x={corpus.parent / 'in'}", "--out", str(corpus)]
        assert main([*line, "--workers", "1"]) == 0
        assert ("audit it anew" in capsys.readouterr().err) == said
        assert pq.read_metadata(corpus / "manifest.parquet").num_rows == 40
    assert audit(corpus)[0] == 1


def test_of_a_prepared_data_set_the_test_split_counts(corpus: Path) -> None:
    test = corpus.parent / "test"
    (test / "images" / "case").mkdir(parents=True)
    (test / "splits").mkdir()
    for name, seed in (("a", 0), ("b", 1), ("case/000", 2)):
        Image.fromarray(picture(seed)).save(test / "images" / f"{name}.png")
    (test / "splits" / "train.txt").write_text("a\n")
    (test / "splits" / "test.txt").write_text("b.png 3\ncase\n")
    _, rows = audit(corpus)
    assert {row["source"] for row in rows} == {"1.png", "2.png"}
    (test / "splits" / "release_train.txt").write_text("b\n")
    (test / "splits" / "release_test.txt").write_text("a\n")
    _, rows = audit(corpus)
    assert {row["source"] for row in rows} == {"0.png", "1.png", "2.png"}


def prepared(folder: Path, seeds: dict[str, int]) -> Path:
    """A prepared data set of pictures, all of its test split, with labels."""
    (folder / "images").mkdir(parents=True)
    (folder / "splits").mkdir()
    for name, seed in seeds.items():
        Image.fromarray(picture(seed)).save(folder / "images" / f"{name}.png")
    lines = [f"{name}.png 0\n" for name in seeds]
    (folder / "splits" / "test.txt").write_text("".join(lines))
    (folder / "meta.json").write_text('{"kind": "classification", "classes": ["a", "b"]}')
    return folder


def audits(results: Path) -> dict[tuple[str, str], list[str]]:
    """Leaked cases of the audits in a folder of results, by data set and corpus."""
    found, problems = read_audits(results)
    assert not problems
    return {(audit.dataset, audit.corpus): audit.leaked for audit in found}


def test_audits_tell_of_the_corpus_with_and_without_the_duplicates(
    corpus: Path, tmp_path: Path, capsys
) -> None:
    """Since a backbone may have been pretrained before they were left out."""
    one = prepared(tmp_path / "one", {"a": 0, "b": 1, "c": 100})
    two = prepared(tmp_path / "two", {"a": 101})
    line = ["corpus", "audit", str(corpus), "--test", str(one), str(two), "--workers", "1"]
    before, results = read_summary(corpus).fingerprint, tmp_path / "results"
    assert main([*line, "--results", str(results)]) == 1
    assert f"2 audits for reports in {results / 'audits'}" in capsys.readouterr().err
    leaked = {("one", before): ["a", "b"], ("two", before): []}
    assert audits(results) == leaked
    assert {audit.tested for audit in read_audits(results)[0]} == {3, 1}
    assert main([*line, "--results", str(tmp_path / "others"), "--remove"]) == 0
    after = read_summary(corpus).fingerprint
    assert audits(tmp_path / "others") == leaked | {("one", after): [], ("two", after): []}


def test_a_folder_whose_cases_no_record_has_is_refused_before_anything_is_done(
    corpus: Path, tmp_path: Path, capsys
) -> None:
    (tmp_path / "plain").mkdir()
    Image.fromarray(picture(0)).save(tmp_path / "plain" / "a.png")
    line = ["corpus", "audit", str(corpus), "--test", str(tmp_path / "plain"), "--remove"]
    assert main([*line, "--results", str(tmp_path / "results")]) == 1
    assert "plain is no prepared data set with a test split" in capsys.readouterr().err
    assert read_summary(corpus).images == 40 and not (tmp_path / "results").exists()


def test_the_perceptual_hash_is_phash() -> None:
    image = picture(0)
    small = cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA).astype(float)
    low = dctn(small, norm="ortho")[:8, :8].ravel()
    expected = sum(1 << (63 - n) for n, value in enumerate(low) if value > np.median(low[1:]))
    assert perceptual_hash(image) == expected


def test_hashes_know_grey_from_colour() -> None:
    grey = picture(0)
    assert pixel_hash(grey) == pixel_hash(np.stack([grey] * 3, -1)) != pixel_hash(grey.T)
    assert thumbnail(grey) @ thumbnail(np.uint8(grey // 2)) > 0.99


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("audit", "/nowhere", "--test", "/"), "/nowhere holds no corpus"),
        (("build", "/nowhere", "--out", "OUT"), "/nowhere is not a folder"),
        (("build", "/tmp", "--out", "OUT", "--side", "3"), "--side 3"),
    ],
)
def test_wrong_arguments_end_in_one_line(arguments, message: str, tmp_path: Path, capsys) -> None:
    assert main(["corpus", *(a.replace("OUT", str(tmp_path / "o")) for a in arguments)]) == 1
    assert message in capsys.readouterr().err


def test_the_papers_data_sets_are_listed(capsys) -> None:
    assert main(["corpus", "list"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert len(rows) == 55 and {"HyperKvasir", "LiTS2017", "EyePACS"} <= {r["name"] for r in rows}
    assert all(r["name"] and r["modality"] and r["organ"] for r in rows)


def test_the_known_leak_of_brain_tumor_is_found(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "brain_tumor"
    source = f"brain={folder / 'Training'}"
    assert main(["corpus", "build", source, "--out", str(tmp_path / "corpus")]) == 0
    line = ["corpus", "audit", str(tmp_path / "corpus"), "--test", str(folder / "Testing")]
    assert main([*line, "--report", str(tmp_path / "report.csv")]) == 1
    rows = list(csv.DictReader((tmp_path / "report.csv").open()))
    assert len({row["test"] for row in rows}) == 259
