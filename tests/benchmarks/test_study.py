"""Study files: what they may say, and what they are refused for in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.grid import RunSpec
from benchmarks.study import Study, backbone_file, load_study, shipped
from lvmmed_backbones import catalogue
from lvmmed_backbones.pretrain import config_names
from tasks import registry

SIX = "tasks: [drive, buid]\nbackbones: [random_resnet50]\nseeds: [0, 1, 2]\nprofile: mini\n"


def study(folder: Path, text: str, name: str = "mine.yaml") -> Study:
    """The study of a file with this text."""
    (folder / name).write_text(text)
    return load_study(folder / name)


def test_a_study_of_one_grid(tmp_path: Path) -> None:
    found = study(
        tmp_path, f"question: Which is best?\n{SIX}overrides: {{optim_wrapper.optimizer.lr: 1e-4}}"
    )
    assert (found.name, found.question) == ("mine", "Which is best?")
    assert found.cells() == [
        RunSpec(
            task, "random_resnet50", "mini", seed, overrides=(("optim_wrapper.optimizer.lr", 1e-4),)
        )
        for task in ("drive", "buid")
        for seed in (0, 1, 2)
    ]


def test_grids_share_what_stands_above_them_and_have_each_run_once(tmp_path: Path) -> None:
    found = study(
        tmp_path, f"{SIX}grids:\n  - seeds: [0]\n  - tasks: [drive]\n  - recipe: release\n"
    )
    cells = found.cells()
    assert len(cells) == 2 + 2 + 6 and len({*cells}) == 10
    assert [c.recipe for c in cells].count("release") == 6


def test_what_is_given_replaces_what_the_study_says(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"{SIX}grids: [{{tasks: [drive]}}, {{tasks: [jsrt]}}]")
    found = load_study(tmp_path / "mine.yaml", tasks=["kvasir"], seeds=None, profile="paper")
    assert {(c.task, c.profile) for c in found.cells()} == {("kvasir", "paper")}


def test_a_study_in_python(tmp_path: Path) -> None:
    text = "STUDY = dict(question='?', tasks=['drive'], backbones=['random_vit_tiny'], seeds=[3], profile='mini')"
    found = study(tmp_path, text, "in_python_of_mine.py")
    assert found.cells() == [RunSpec("drive", "random_vit_tiny", "mini", 3)]
    with pytest.raises(ValueError, match=r"is a Python file.*Call `lvmmed run` as before"):
        load_study(tmp_path / "in_python_of_mine.py", code=False)


def test_protocols_choose_among_the_tasks() -> None:
    found = load_study(None, profile="paper", protocols=["linear"])
    tasks = {cell.task for cell in found.cells()}
    assert tasks == {"brain_tumor_linear", "fgadr_linear"}
    with pytest.raises(ValueError, match="no task has attentive; they have finetune, linear"):
        load_study(None, profile="paper", protocols=["attentive"]).cells()


def test_files_of_a_study_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "plugin_of_a_study.py").write_text("")
    text = (
        f"{SIX}plugins: [plugin_of_a_study.py]\npretrained:\n  a: {{config: my.py}}\n"
        "  b: {config: simclr_resnet18_mini, epochs: 2, seeds: [0, 1], overrides: {model.head.x: 1}}"
    )
    found = study(tmp_path, text)
    assert found.pretrained["a"].config == str(tmp_path / "my.py")
    assert found.pretrained["b"].config == "simclr_resnet18_mini"
    assert found.pretrained["b"].seeds == (0, 1) and found.pretrained["b"].overrides == {
        "model.head.x": 1
    }
    assert found.plugins == (str(tmp_path / "plugin_of_a_study.py"),)
    with pytest.raises(ValueError, match=r"brings a Python file.*plugin_of_a_study.py"):
        load_study(tmp_path / "mine.yaml", code=False)


@pytest.mark.parametrize("name", shipped())
def test_the_studies_of_the_suite_name_what_there_is(name: str) -> None:
    found = load_study(name)
    assert found.question.endswith("?") and found.cells()
    for cell in found.cells():
        registry.check(cell.task, cell.recipe)
        assert cell.backbone in found.pretrained or cell.backbone in catalogue.names()
    assert all(p.config in config_names() for p in found.pretrained.values())


def test_the_grid_of_the_paper() -> None:
    found = load_study("paper")
    tasks = {cell.task for cell in found.cells()}
    assert {*registry.paper_names()} <= tasks and len(found.published_only) == 7
    of_resnet = {c.backbone for c in found.cells() if c.backbone.endswith("resnet50")}
    assert len(of_resnet) + len(found.published_only) == 10


def test_the_study_to_copy_pretrains_three_seeds_of_each_method() -> None:
    found = load_study("my_method")
    assert {p.seeds for p in found.pretrained.values()} == {(0, 1, 2)}
    assert backbone_file(Path("work"), "mine", 2) == Path("work/backbones/mine/2.safetensors")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: drive", r"mine.yaml: Expected `array \| null`, got `str`.*grids\[0\].tasks"),
        ("taks: [drive]", "mine.yaml: Object contains unknown field `taks`"),
        ("seeds: [a]", r"Expected `int`, got `str`.*seeds\[0\]"),
        ("recipe: theirs", "Invalid enum value 'theirs'"),
        ("grids: 3", "its grids are no list of grids"),
        ("grids: [3]", "its grids are no list of grids"),
        ("- drive", "says no study"),
        ("", "says no study"),
        ("tasks: [drive\n", "is no YAML"),
        ("a: &a [1]\nb: *a", r"it has a reference"),
        ("seeds: [0]\nseeds: [1]", "it says 'seeds' twice"),
        ("name: other\nx: !!python/object/apply:os.system [echo]", "is no YAML"),
    ],
)
def test_a_study_that_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        study(tmp_path, text)
    assert "\x00" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks: [drve]", "did you mean drive"),
        ("profile: huge", "no profile 'huge'"),
        ("seeds: [-1]", "seed -1"),
        ("overrides: {lr: 1}", "'lr' is no place in a config"),
        ("overrides: {a.b: [1, 2]}\ntasks: [drive]\nlabel_fractions: [7]", "label fraction 7"),
        ("overrides: {optim_wrapper.optimizer.lr: .inf}", "Give a number"),
    ],
)
def test_a_study_that_names_what_there_is_not(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        study(tmp_path, text).cells()


def test_a_study_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean paper"):
        load_study("papr")
    with pytest.raises(FileNotFoundError, match=r"no such study. Name a file, or ablation"):
        load_study(tmp_path / "none.yaml")


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda parts: (
            st.lists(parts, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [*Study.__struct_fields__, "tasks", "seeds", "overrides", "profile"]
                )
                | st.text(),
                parts,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
def test_any_content_is_a_study_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, content
) -> None:
    import yaml

    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(
        yaml.safe_dump(content, allow_unicode=True), encoding="utf-8", errors="surrogateescape"
    )
    try:
        assert load_study(file, code=False).cells()
    except (ValueError, FileNotFoundError) as error:
        assert str(error).strip() and "Traceback" not in str(error)
