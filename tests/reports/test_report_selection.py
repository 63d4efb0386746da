"""The filters that every verb has."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from pathlib import Path

import pytest

from lvmmed_backbones.records import read
from reports.cli import FILTERS, parser
from reports.reading.selection import RECORD_FIELDS, Filters, select_records

FACTS = {
    "profile": ["mini", "small"],
    "task": ["drive", "buid"],
    "backbone.architecture": ["ResNet-50", "SAM ViT-B/16"],
    "backbone.corpus": ["none", "ImageNet-1k"],
    "protocol": ["finetune", "prompt"],
    "recipe": ["release", "suite"],
    "label_fraction": [0.1, 1.0],
}


def filters(*words: str) -> Filters:
    options = vars(parser().parse_args(["leaderboard", "RESULTS", *words]))
    return {name: options[name] for name in FILTERS}  # type: ignore[misc]


@pytest.mark.parametrize(("field", "values"), FACTS.items())
def test_each_filter_keeps_what_it_names(
    write: Callable[..., Path], tmp_path: Path, field: str, values: list
) -> None:
    kept, _ = write(fields={field: values[0]}), write(fields={field: values[1]})
    records, _ = read(tmp_path)
    name = f"--{field.removeprefix('backbone.').replace('_', '-')}"
    assert [r.path for r in select_records(records, filters(name, str(values[0])))] == [kept]
    assert select_records(records, filters(name, *map(str, values))) == records
    with pytest.raises(
        ValueError, match=f"^{name} .*: no record has it. Choose from .*{values[1]}"
    ):
        select_records(records, filters(name, "0.7" if field == "label_fraction" else "none such"))


def test_without_filters_all_stay(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    records, _ = read(tmp_path)
    assert select_records(records, filters()) == records


def test_filters_hold_at_once(write: Callable[..., Path], tmp_path: Path) -> None:
    for task in ("drive", "buid"):
        for protocol in ("finetune", "prompt"):
            write(task=task, protocol=protocol)
    write(task="jsrt", protocol="linear")
    records, _ = read(tmp_path)
    (one,) = select_records(records, filters("--task", "buid", "--protocol", "prompt"))
    assert (one.task, one.protocol) == ("buid", "prompt")
    with pytest.raises(ValueError, match=r"--task jsrt and --protocol prompt at once. Leave out"):
        select_records(records, filters("--task", "jsrt", "--protocol", "prompt"))


def test_every_filter_is_an_attribute_of_a_record(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write()
    (record,), _ = read(tmp_path)
    assert all(attrgetter(RECORD_FIELDS.get(name, name))(record) for name in FILTERS)
    assert set(FILTERS) == set(Filters.__annotations__)
    assert len(FILTERS) == len(FACTS)


def test_a_filter_that_there_is_not_is_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    records, _ = read(tmp_path)
    with pytest.raises(TypeError, match="no filter 'tasks': choose from profile, task"):
        select_records(records, {"tasks": ["drive"]})  # type: ignore[typeddict-unknown-key]
