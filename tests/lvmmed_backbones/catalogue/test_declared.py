"""What backbones declare of their pretraining: inherited, unknown, carried by files, shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torchvision.models import resnet18

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.declared import name_of_file, pretraining_of_file
from lvmmed_backbones.catalogue.entry import Entry
from lvmmed_backbones.catalogue.exported import read_facts
from lvmmed_backbones.command.cli import main
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.records import Pretraining


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch) -> Path:
    folder = tmp_path / "shelf"
    monkeypatch.setenv("LVMMED_CATALOGUE", str(folder))
    monkeypatch.setattr(catalogue, "_registered", {})
    return folder


def registered(name: str, data_sets, started_from=None, corpus_id=None) -> Entry:
    entry = Entry(
        architecture="ResNet-50",
        source="a test",
        config=dict(type="Backbone", model_name="resnet50"),
        channels=None,
        vector_channels=2048,
        data_sets=data_sets,
        started_from=started_from,
        corpus_id=corpus_id,
    )
    catalogue.register(name, entry)
    return entry


def test_what_a_backbone_was_started_from_is_inherited() -> None:
    registered("first", ("Kvasir", "BUSI"), "sam_vit_b", "f" * 64)
    second = registered("second", ("BUSI", "DRIVE"), "first", "d" * 64)
    assert catalogue.pretraining(second) == Pretraining(
        ["BUSI", "DRIVE", "Kvasir", "SA-1B", "ImageNet-1k"],
        ["first", "sam_vit_b"],
        ["d" * 64, "f" * 64],
    )


def test_it_is_unknown_if_one_of_them_is() -> None:
    registered("silent", None)
    assert catalogue.pretraining(registered("a", ("DRIVE",), "silent")) is None
    assert catalogue.pretraining(registered("b", ("DRIVE",), "somebody's")) is None
    assert catalogue.pretraining(registered("c", None, "sam_vit_b")) is None
    assert catalogue.pretraining(registered("d", ())) == Pretraining([])


def test_a_backbone_that_was_started_from_itself_is_refused(capsys) -> None:
    registered("a", (), "b")
    registered("b", (), "c")
    entry = registered("c", (), "a")
    with pytest.raises(ValueError, match="a from b from c from a was started"):
        catalogue.pretraining(entry)
    assert main(["list"]) == 1
    assert "was started" in capsys.readouterr().err


def test_random_backbones_saw_nothing_and_lvmmed_has_its_published_corpus() -> None:
    for name in catalogue.modules():
        seen = catalogue.pretraining(catalogue.get(name))
        assert seen is not None
        assert (seen.data_sets == []) == name.startswith("random_")
        assert seen.corpora == (["LVM-Med"] if name.startswith("lvmmed_") else [])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(resnet18().state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


def test_add_declares_and_names_what_cannot_be_compared(file: Path, shelf: Path, capsys) -> None:
    added = catalogue.add(
        file,
        "mine",
        shelf,
        data_sets=["DRIVE", "Kvasr", "private:ours", "DRIVE"],
        started_from="sam_vit_b",
    )
    (note,) = added.notes
    assert "Kvasr is no data set of our list" in note and "did you mean Kvasir" in note
    assert read_facts(added.file).data_sets == ["DRIVE", "Kvasr", "private:ours"]
    entry = catalogue.get("mine")
    assert entry.data_sets == ("DRIVE", "Kvasr", "private:ours")
    seen = catalogue.pretraining(entry)
    assert seen and seen.started_from == ["sam_vit_b"] and seen.data_sets[-1] == "ImageNet-1k"
    assert main(["list"]) == 0
    assert "DRIVE, Kvasr, private:ours, SA-1B, ImageNet-1k (started" in " ".join(
        capsys.readouterr().out.split()
    )


def test_the_command_declares_alike_and_says_what_is_missing(
    file: Path, shelf: Path, capsys
) -> None:
    line = ["add", str(file), "mine", "--out", str(shelf)]
    assert main([*line, "--data-sets", "DRIVE", "--started-from", "sam_vit"]) == 0
    assert "note: sam_vit is no backbone of the catalogue" in capsys.readouterr().out
    assert catalogue.pretraining(catalogue.get("mine")) is None
    assert main([*line[:2], "silent", *line[3:]]) == 0
    assert "note: nothing is declared of its pretraining" in capsys.readouterr().out
    assert main([*line[:2], "none", *line[3:], "--data-sets"]) == 0
    assert catalogue.pretraining(catalogue.get("none")) == Pretraining([])
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    facts = {fact["name"]: fact for fact in json.loads(capsys.readouterr().out)}
    assert facts["none"]["pretraining"]["data_sets"] == []
    assert facts["silent"]["pretraining"] is None and facts["mine"]["started_from"] == "sam_vit"


def test_a_circle_is_refused_when_it_would_close(file: Path, shelf: Path) -> None:
    with pytest.raises(ValueError, match="--started-from mine: mine would have been started from"):
        catalogue.add(file, "mine", shelf, started_from="mine")
    catalogue.add(file, "other", shelf, data_sets=[], started_from="mine")
    with pytest.raises(ValueError, match="started from itself"):
        catalogue.add(file, "mine", shelf, started_from="other")
    assert not (shelf / "mine.safetensors").exists()


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 201])
def test_a_name_that_no_record_can_hold_is_refused(name: str, file: Path, shelf: Path) -> None:
    with pytest.raises(Refused, match="no printable name"):
        catalogue.add(file, "mine", shelf, data_sets=[name])
    with pytest.raises(Refused, match="data_sets"):
        catalogue.add(file, "mine", shelf, data_sets=[f"{n}" for n in range(501)])


def test_files_are_known_by_their_facts_or_their_checksum(file: Path, shelf: Path) -> None:
    added = catalogue.add(file, "mine", shelf, data_sets=["DRIVE"])
    copy = shelf.parent / "copy.safetensors"
    copy.write_bytes(added.file.read_bytes())
    assert name_of_file(copy) == "mine" and pretraining_of_file(copy) == Pretraining(["DRIVE"])
    added.file.unlink()
    assert name_of_file(copy) is None and pretraining_of_file(copy) == Pretraining(["DRIVE"])
    assert name_of_file(file) is None and pretraining_of_file(file) is None
    lite = catalogue.get("imagenet_efficientnet_lite0").weights
    assert lite and name_of_file(lite.path) == "imagenet_efficientnet_lite0"
    assert pretraining_of_file(lite.path) == Pretraining(["ImageNet-1k"])
