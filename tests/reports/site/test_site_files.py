"""What the command writes, looked at without a browser."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lvmmed_backbones.files import writing
from lvmmed_backbones.records import read
from reports.__main__ import main
from reports.render.files import page_addresses
from reports.render.site import build
from reports.render.site.files import SiteFolder
from reports.render.site.rendering import script_data

HOSTILE = "<script>alert(1)</script>"
VENDOR = Path(build.__file__).parent / "vendor"


class Page(HTMLParser):
    """Tags, texts, links and anchors of a page; fails where tags are not closed."""

    VOID = frozenset({"meta", "link", "wbr", "br", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[dict] = []
        self.attributes: list[tuple[str, str]] = []
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        found = dict(attrs)
        self.links += [found[name] for name in ("src", "href") if name in found]
        self.anchors |= {found["id"]} if "id" in found else set()
        if tag == "script":
            self.scripts.append(found)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        raise AssertionError(f"<{tag}/> in HTML")

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text()) for path in sorted(site.rglob("*.html"))}


def test_there_is_a_page_for_everything(site: Path, pages: dict[Path, Page]) -> None:
    assert {"index.html", "compare.html", "records.html"} <= {path.name for path in pages}
    assert len(list((site / "tasks").iterdir())) == 5
    assert len(list((site / "backbones").iterdir())) == 6
    assert len(list((site / "records").glob("*.json"))) == 99
    assert len(list((site / "records").glob("*.config.txt"))) == 99


def test_every_link_leads_somewhere_within_the_site(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        assert page.links
        for link in page.links:
            parts = urlsplit(link)
            if link == "data:,":  # the icon: none
                continue
            assert not parts.scheme and not parts.netloc, f"{path}: {link}"
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_relative_to(site) and target.is_file(), f"{path}: {link}"
            if parts.fragment and target.name != "compare.html":  # there it is a choice
                assert parts.fragment in pages[target].anchors, f"{path}: {link}"


def test_hostile_names_are_text(site: Path, pages: dict[Path, Page]) -> None:
    for path, page in pages.items():
        for script in page.scripts:
            assert script.get("type") == "application/json" or script.get("src"), path
        assert not any(name.startswith("on") or name == "style" for name, _ in page.attributes)
        assert "style" not in page.tags
    assert HOSTILE in pages[site / "index.html"].text
    assert '"><img src=x onerror=alert(1)>' in pages[site / "index.html"].text
    for path in (site / "data").glob("*.js"):
        assert "<" not in path.read_text(), path


def test_no_field_of_a_record_is_markup(write: Callable[..., Path], tmp_path: Path) -> None:
    fields = {"backbone.method": '"><img src=x onerror=alert(1)>', "task": "<b>{{ 7*7 }}</b>",
              "kind": "<i>", "protocol": "<u>", "profile": "<s>", "metric": "<q>",
              "provenance.versions": {"</ul><script>": "<script src=//evil>"},
              "provenance.machine": {"cpu": "<em>"}}  # fmt: skip
    for seed in (0, 1):
        write(HOSTILE, 0.5, fields, seed=seed)
        write("[bold red]a|b_c_ *x* &amp; \\|[/]", 0.4, fields, seed=seed)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    said = ""
    for path in (tmp_path / "site").rglob("*.html"):
        page = Page(path.read_text())
        assert not {"b", "i", "u", "s", "q", "em"} & page.tags, path
        assert all("src" in script or script.get("type") for script in page.scripts), path
        said += page.text
    for text in (HOSTILE, "{{ 7*7 }}", "&amp; \\|[/]", fields["backbone.method"]):
        assert text in said


def test_the_policy_lets_nothing_in(pages: dict[Path, Page]) -> None:
    for page in pages.values():
        (policy,) = (v for n, v in page.attributes if n == "content" and "default-src" in v)
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self' 'sha256-")
        assert "unsafe" not in policy and "http" not in policy


@pytest.mark.parametrize("text", ["</script><script>alert(1)</script>", "<!--", "]]>", "'\"&"])
def test_data_for_scripts_cannot_end_the_script(text: str) -> None:
    said = script_data("x", {text: text})
    assert not re.search(r"[<>&']", said.partition("=")[2])
    assert json.loads(said.partition("= ")[2].rstrip(";\n")) == {text: text}


def test_phantoms_are_marked_wherever_they_stand(site: Path) -> None:
    rows = re.findall(r"<tr class=\"(\w+)\">(.*?)</tr>", (site / "index.html").read_text(), re.S)
    assert {figure for figure, _ in rows} >= {"measured", "phantom"}
    for figure, row in rows:
        assert f'class="badge {figure}"' in row
        assert len(set(re.findall(r'class="badge (\w+)"', row))) == 1


def test_a_backbone_page_tells_its_provenance(site: Path, pages: dict[Path, Page]) -> None:
    said = pages[site / "backbones" / "lvmmed_resnet50.html"].text
    for part in (
        hashlib.sha256(b"lvmmed_resnet50").hexdigest(),
        "1.3 M medical images",
        "LVM-Med",
        "AMD EPYC, 2 cores, 23.5 GB memory, no GPU",
        "torch 2.11.0",
        "commit 5a741c2000",
        "commit 5a741c2000 with changes",
    ):
        assert part in said, part
    assert "none: random" in pages[site / "backbones" / "random_resnet50.html"].text


def test_copied_records_are_what_was_read_and_are_not_read_again(results: Path, site: Path) -> None:
    originals = {path.read_bytes() for path in results.rglob("record.json")}
    assert {path.read_bytes() for path in (site / "records").glob("*.json")} == originals
    assert not list(site.rglob("record.json")), "a site within the results would be read as runs"


def test_shipped_libraries_are_what_they_are_said_to_be(site: Path) -> None:
    known = {entry["file"]: entry for entry in json.loads((VENDOR / "versions.json").read_text())}
    code = {path.name for path in VENDOR.iterdir() if path.suffix in (".js", ".css")}
    assert set(known) == code
    for name, entry in known.items():
        content = (VENDOR / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], name
        assert (site / "static" / entry["licence_file"]).is_file()
        if name.endswith(".js"):
            assert entry["version"].encode() in content[:200], name


def test_again_gives_the_same_bytes(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a", 0.5)
    write("b", 0.6)
    outs = tmp_path / "one", tmp_path / "two"
    for out in outs:
        assert main(["site", str(tmp_path / "runs"), "--out", str(out)]) == 0
    files = [
        {p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()} for out in outs
    ]
    assert files[0] == files[1]


def test_a_site_is_replaced_as_a_whole(write: Callable[..., Path], tmp_path: Path, capsys) -> None:
    write("a", 0.5)
    out = tmp_path / "site"
    words = ["site", str(tmp_path / "runs"), "--out", str(out)]
    assert main(words) == 0
    (out / "stale.html").write_text("")
    assert main(words) == 0
    assert not (out / "stale.html").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "site"}
    assert "wrote" in capsys.readouterr().err


@pytest.mark.parametrize("taken", ["file", "folder"])
def test_what_this_command_did_not_make_is_left_alone(
    write: Callable[..., Path], tmp_path: Path, capsys, taken: str
) -> None:
    write("a", 0.5)
    out = tmp_path / "mine"
    mine = out if taken == "file" else out / "thesis.txt"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("years of work")
    assert main(["site", str(tmp_path / "runs"), "--out", str(out)]) == 1
    assert str(out) in capsys.readouterr().err
    assert mine.read_text() == "years of work"
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "mine"}


def test_a_failure_leaves_the_old_site(
    write: Callable[..., Path], tmp_path: Path, monkeypatch
) -> None:
    write("a", 0.5)
    out = tmp_path / "site"
    words = ["site", str(tmp_path / "runs"), "--out", str(out)]
    assert main(words) == 0
    before = (out / "index.html").read_bytes()

    def full(*_) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(build, "copy_records", full)
    assert main(words) == 1
    monkeypatch.undo()
    monkeypatch.setattr(writing, "exchange", full)
    assert main(words) == 1
    assert (out / "index.html").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"runs", "site"}


def test_bad_records_are_named_and_the_rest_is_shown(
    write: Callable[..., Path], tmp_path: Path, capsys
) -> None:
    write("good", 0.5)
    cut = write("cut")
    cut.write_text(cut.read_text()[:100])
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 1
    assert str(cut) in capsys.readouterr().err
    assert "good" in (tmp_path / "site" / "index.html").read_text()


def test_a_spoilt_gallery_is_named_and_the_rest_is_shown(
    write: Callable[..., Path], tmp_path: Path, capsys
) -> None:
    spoilt = write("a", 0.5).with_name("gallery")
    spoilt.mkdir()
    (spoilt / "gallery.json").write_text('{"schema": 1')
    write("b", 0.6)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 1
    assert str(spoilt / "gallery.json") in capsys.readouterr().err
    assert "50.0" in (tmp_path / "site" / "tasks" / "drive.html").read_text()


def test_runs_are_listed_with_the_version_of_their_task_and_their_threads(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write("a", 0.5, task_version=3, threads=7)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    text = (tmp_path / "site" / "backbones" / "a.html").read_text()
    runs = text[text.index('aria-label="Runs"') :]
    headings = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)<", runs)
    cells = re.findall(r"<t[hd](?! scope=\"col\")[^>]*>(.*?)</t[hd]>", runs)
    shown = dict(zip(headings, cells, strict=True))
    assert (shown["Version"], shown["Threads"], shown["Profile"]) == ("3", "7", "small")


def test_a_task_with_one_backbone_is_shown(write: Callable[..., Path], tmp_path: Path) -> None:
    write("alone", 0.5)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    said = (tmp_path / "site" / "index.html").read_text()
    assert "only alone has run all tasks (1), so there is nothing to compare it with" in said


def test_a_partial_row_stands_below_and_names_no_leader(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    """The issue: a backbone that was run on one easy task led all others over that one task."""
    for task in ("drive", "buid", "jsrt"):
        write("whole", 0.6, task=task)
        write("other", 0.5, task=task)
    write("partial", 0.9)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    said = Page((tmp_path / "site" / "index.html").read_text()).text
    assert (
        "whole leads 2 backbones with a mean rank of 1.00 over 3 tasks. 1 other lacks some" in said
    )
    assert said.index("\nother\n") < said.index("\npartial\n")
    assert "1 of 3 tasks, not ranked" in said


def test_nothing_is_bold_and_nobody_leads_among_equals(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write("a", 0.5)
    write("b", 0.5)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    front, task = (
        (tmp_path / "site" / name).read_text() for name in ("index.html", "tasks/drive.html")
    )
    assert "none of 2 backbones leads. Their mean ranks over 1 task are equal" in front
    assert 'class="best"' not in task
    measured = front[: front.index("Published by")]
    assert 'class="best"' not in measured
    ranks = re.findall(r'<td class="num">([\d.]+)</td>\n<td class="num rest" data-order="-1"', task)
    assert ranks == ["1.5", "1.5"], "ties share a rank"


def test_metrics_have_their_names(site: Path, pages: dict[Path, Page]) -> None:
    said = pages[site / "index.html"].text
    assert all(f"\n{name}\n" in said for name in ("Dice", "IoU", "mAP50", "accuracy", "kappa"))
    assert "macro F1" in pages[site / "tasks" / "brain_tumor_linear.html"].text
    for page in pages.values():
        assert not re.search(r"\b(map50|dice|macro_f1|auroc)\b", page.text.replace("and map50", ""))


@pytest.mark.parametrize("spoilt", ["gone", "unsound"])
def test_a_record_that_goes_bad_after_it_was_read_is_left_out(
    write: Callable[..., Path], tmp_path: Path, spoilt: str
) -> None:
    write("good", 0.5)
    bad = write("bad", 0.6)
    records, problems = read(tmp_path / "runs")
    assert len(records) == 2 and not problems
    if spoilt == "gone":
        bad.unlink()
    else:
        content = json.loads(bad.read_text())
        bad.write_text(json.dumps(content | {"cases": 2 * [{"case": "1", "dice": 0.6}]}))
    (tmp_path / "site").mkdir()
    folder = SiteFolder(tmp_path / "site", lambda some, _: some)
    build.build_site(records, [], folder, {})
    (problem,) = folder.problems
    assert str(bad) in problem
    assert not (tmp_path / "site" / "backbones" / "bad.html").exists()
    assert "good" in (tmp_path / "site" / "tasks" / "drive.html").read_text()


def test_a_figure_that_cannot_be_planned_is_named_and_the_rest_is_shown(
    write: Callable[..., Path], tmp_path: Path, monkeypatch, capsys
) -> None:
    write("a", 0.5)

    def fails(*_) -> None:
        raise ValueError("unsound")

    monkeypatch.setattr(build, "draw_plates", fails)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 1
    assert "no figures are drawn: unsound" in capsys.readouterr().err
    assert "50.0" in (tmp_path / "site" / "tasks" / "drive.html").read_text()


def test_the_list_of_runs_leads_to_every_record_without_scripts(
    site: Path, pages: dict[Path, Page]
) -> None:
    backbones = {
        link.partition("#")[0]
        for link in pages[site / "records.html"].links
        if link.endswith("#runs")
    }
    assert len(backbones) == 6
    linked = {
        (site / "backbones" / link).resolve()
        for name in backbones
        for link in pages[site / name].links
        if link.endswith(".json")
    }
    assert linked == set((site / "records").glob("*.json"))


def test_a_site_within_the_results_changes_nothing(
    write: Callable[..., Path], tmp_path: Path, capsys
) -> None:
    write("a", 0.5)
    write("b", 0.6)
    words = ["site", str(tmp_path), "--out", str(tmp_path / "site")]
    for _ in range(2):
        assert main(words) == 0
    assert len(list((tmp_path / "site" / "records").glob("*.json"))) == 2


def test_nothing_to_show_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 1
    assert not (tmp_path / "site").exists()


@given(st.lists(st.text(min_size=1, max_size=80)))
def test_addresses_are_safe_and_distinct(names: list[str]) -> None:
    found = page_addresses(names)
    assert set(found) == set(names)
    assert len({address.lower() for address in found.values()}) == len(set(names))
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", address) for address in found.values())


def test_a_plain_name_is_its_own_address() -> None:
    assert page_addresses(["imagenet_resnet50"]) == {"imagenet_resnet50": "imagenet_resnet50"}
    assert not any(part in page_addresses(["../../etc"])["../../etc"] for part in "./")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Whether a process that does the work reaches a step; there it kills itself.

    A step is whatever Python is about to ask the system that changes a scratch folder or a name, and the exchange of
    two names, which Python does not report: just before it and just after.
    """
    pid = os.fork()
    if pid == 0:
        steps, swap = 0, writing.swap

        def heard(event: str, arguments: tuple) -> None:
            nonlocal steps
            names = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree", "test.step")
            writes = event == "open" and str(arguments[1]) in ("w", "wb")
            if event in names or (writes and ".partial" in str(arguments[0])):
                steps += 1
                if steps == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        def audited(*paths: Path) -> bool:
            sys.audit("test.step")
            done = swap(*paths)
            sys.audit("test.step")
            return done

        try:
            writing.swap = audited
            sys.addaudithook(heard)
            os._exit(0 if work() == 0 else 1)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert status in (0, signal.SIGKILL), "the work failed"
    return status == signal.SIGKILL


def files_of(site: Path) -> dict[str, bytes]:
    return {str(p.relative_to(site)): p.read_bytes() for p in site.rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.usefixtures("no_hang")
def test_a_site_killed_anywhere_is_the_old_or_the_new_one(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    """And what is left, of whatever process number, does not stand in the way of the next one."""
    write("a", 0.5)
    words = ["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]
    assert main(words) == 0
    old = files_of(tmp_path / "site")
    write("b", 0.6)
    assert main([*words[:-1], str(tmp_path / "other")]) == 0
    new = files_of(tmp_path / "other")
    assert old != new
    leftovers = (
        f".site.{os.getpid()}.partial",
        f".site.{os.getpid()}.former",
    )  # of former versions
    for name in leftovers:
        (tmp_path / name).mkdir()
    step, seen = 1, []
    while killed_at(step, lambda: main(words)):
        found = files_of(tmp_path / "site")
        assert found in (old, new), step
        seen.append(found == new)
        step += 4
    assert files_of(tmp_path / "site") == new and len(seen) >= 10
    assert not seen[0] and seen[-1]
    assert {p.name for p in tmp_path.iterdir()} == {"runs", "site", "other", *leftovers}


def test_a_site_on_a_full_disk_leaves_the_old_one(
    write: Callable[..., Path], tmp_path: Path, small_disk: Path, capsys
) -> None:
    write("a", 0.5)
    out = small_disk / "site"
    words = ["site", str(tmp_path / "runs"), "--out", str(out)]
    assert main(words) == 0
    old = files_of(out)
    write("b", 0.6)
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(bytes(2**23))
    capsys.readouterr()
    assert main(words) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"error: {out}: not written, the disk is full. Make room, and start again"
    assert files_of(out) == old and {p.name for p in small_disk.iterdir()} == {"site", "filler"}
    (small_disk / "filler").unlink()
    assert main(words) == 0 and files_of(out) != old
