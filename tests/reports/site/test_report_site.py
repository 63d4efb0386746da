"""The site as readers use it: in a browser, from a disk, by mouse and by keyboard."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from urllib.parse import urlencode

import pytest

from reports.__main__ import main

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

HOSTILE = "<script>alert(1)</script>"
# As root, as in a container, chromium runs only without its sandbox; nothing of the browser itself asks the network.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = (
    "index.html", "compare.html", "records.html", "tasks/isic2018.html", "tasks/prostate.html",
    "tasks/mmwhs_ct.html", "tasks/kvasir_detection.html", "tasks/brain_tumor_linear.html",
    "backbones/lvmmed_resnet50.html",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """Debian's chromium: a browser from a package, not from a download."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium: apt-get install chromium")
    with sync_api.sync_playwright() as play:
        found = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def page(browser, site: Path) -> Iterator:
    """A page that fails the test if it complains, or asks for anything but a file of the site."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
    opened.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    requests: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    yield opened
    context.close()
    assert not complaints
    assert requests
    allowed = (site.as_uri() + "/", "data:", "blob:")
    assert all(url.startswith(allowed) for url in requests), requests


def sort_by(heading, order: str) -> None:
    """Sort by a column, and wait until it says so: a browser under load sorts after the click has returned."""
    heading.locator(".dt-column-order").click()
    heading.and_(heading.page.locator(f".dt-ordering-{order}")).wait_for()


def names(page, table: str = "#overall-table") -> list[str]:
    return page.locator(f"{table} tbody tr:not(.dtrg-group) > th").all_inner_texts()


def column(page, heading: str, table: str = "#overall-table") -> list[str]:
    headings = page.locator(f"{table} thead th .dt-column-title").all_inner_texts()
    place = headings.index(heading) + 1
    return page.locator(
        f"{table} tbody tr:not(.dtrg-group) > :nth-child({place})"
    ).all_inner_texts()


def test_the_leaderboard_is_sorted_within_its_groups(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    groups = page.locator("#overall-table .dtrg-group").all_inner_texts()
    assert len(groups) == 5
    ranks = [float(text) for text in column(page, "Mean rank")]
    assert ranks[:6] == sorted(ranks[:6]) and names(page)[0] == "lvmmed_resnet50"
    sort_by(page.locator("#overall-table th", has_text="Mean rank"), "desc")
    ranks = [float(text) for text in column(page, "Mean rank")]
    assert ranks[:6] == sorted(ranks[:6], reverse=True) and ranks[0] > ranks[5]
    assert page.locator("#overall-table .dtrg-group").all_inner_texts() == groups
    kinds = column(page, "Kind")
    assert kinds == sorted(kinds), "phantoms stay behind measured figures, whatever the order"


def test_published_figures_stay_apart_and_last(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    table = "section:has(> h2:text-is('Dice')) table"
    for order in ("asc", "desc"):
        sort_by(page.locator(f"{table} th", has_text="isic2018"), order)
        kinds = column(page, "Kind", table)
        assert kinds.index("published") == len(kinds) - kinds.count("published")
        assert set(kinds) == {"measured", "phantom", "published"}
    measured = column(page, "Mean rank", table)[:6]
    assert all(float(rank) for rank in measured), "no figure of a published row is taken for a rank"
    assert set(column(page, "Mean rank", table)[kinds.index("published") :]) == {"–"}


def test_the_leaderboard_is_filtered(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    everything = len(names(page))
    heading = page.locator("#overall-table th", has_text="Architecture")
    heading.locator(".dtcc-button").first.click()
    page.locator(".dtcc-dropdown .dtcc-list-buttons .dtcc-button", has_text="ViT-B").click()
    assert 0 < len(names(page)) < everything
    assert set(column(page, "Architecture")) == {"ViT-B"}
    page.keyboard.press("Escape")


def test_every_filter_has_the_values_of_its_column(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    for heading in ("Architecture", "Pretraining data", "Protocol", "Labels", "Kind"):
        shown = set(column(page, heading))
        button = page.locator("#overall-table th", has_text=heading).locator(".dtcc-button").first
        button.click()
        offered = page.locator(".dtcc-list-buttons .dtcc-button").all_inner_texts()
        assert {text.strip() for text in offered} == shown, heading
        page.keyboard.press("Escape")
        page.locator("h1").click()


def test_a_case_is_enlarged_and_left(page, site: Path) -> None:
    page.goto((site / "tasks/isic2018.html").as_uri())
    page.locator("a.case").first.click()
    dialog = page.locator("dialog[open]")
    assert "best case" in dialog.inner_text()
    assert dialog.locator("figcaption").all_inner_texts() == [
        "image",
        "truth",
        "prediction",
        "error",
    ]
    for picture in dialog.locator("img").all():
        picture.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('dialog[open] img')].every(i => i.complete && i.naturalWidth)"
    )
    dialog.get_by_label("Next case").click()
    assert "median case" in page.locator("dialog[open]").inner_text()
    page.keyboard.press("ArrowLeft")
    assert "best case" in page.locator("dialog[open]").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    page.locator("a.case").nth(1).click()
    page.locator("dialog[open]").get_by_label("Close").click()
    assert page.locator("dialog[open]").count() == 0


def test_detection_shows_boxes(page, site: Path) -> None:
    page.goto((site / "tasks/kvasir_detection.html").as_uri())
    page.locator("a.case").first.click()
    dialog = page.locator("dialog[open]")
    assert dialog.locator("rect.truth").count() == 1
    assert dialog.locator("rect.prediction").count() == 1
    box, image = (dialog.locator(s).first.bounding_box() for s in ("rect.truth", ".stack"))
    assert 0 < box["width"] < image["width"]
    for outcome in ("true positive", "found"):
        assert dialog.locator(".boxes", has_text=f": {outcome}").count() == 1
    key = dialog.locator(".key").inner_text()
    assert all(words in key for words in ("true positive", "false positive", "missed"))
    assert ": mAP50 " in dialog.inner_text()


def test_two_backbones_are_compared(page, site: Path) -> None:
    page.goto((site / "compare.html").as_uri())
    page.get_by_label("Backbone A").select_option(label="lvmmed_resnet50")
    page.get_by_label("Backbone B").select_option(label="random_resnet50")
    assert page.locator("#versus").inner_text() == "lvmmed_resnet50 against random_resnet50"
    assert "A is lvmmed_resnet50" in page.locator("#words").inner_text()
    rows = page.locator("#tests tbody tr")
    assert rows.count() == 5
    cells = page.locator("#tests tbody tr", has_text="isic2018").locator("th, td").all_inner_texts()
    assert cells[1] == "lvmmed_resnet50" and cells[2].startswith("+")
    assert page.locator("#differences svg").count() == 1
    drawn = page.locator("#differences svg").text_content()
    assert "isic2018" in drawn and "percentage points" in drawn
    page.get_by_label("Backbone B").select_option(label="lvmmed_resnet50")
    assert "Choose two different backbones" in page.locator("#words").inner_text()
    assert page.locator("#tests").is_hidden()


def test_a_comparison_says_the_same_the_other_way_round(page, site: Path) -> None:
    shown = []
    for names in (
        ("lvmmed_resnet50", "imagenet_resnet50"),
        ("imagenet_resnet50", "lvmmed_resnet50"),
    ):
        page.goto((site / "compare.html").as_uri())
        for which, name in zip("AB", names, strict=True):
            page.get_by_label(f"Backbone {which}").select_option(label=name)
        page.locator("#versus", has_text=f"{names[0]} against {names[1]}").wait_for()
        rows = page.locator("#tests tbody tr").all()
        shown.append([row.locator("th, td").all_inner_texts() for row in rows])
    for there, back in zip(*shown, strict=True):
        assert float(there[2]) == -float(back[2])
        low, high = (there[3].split(" to ")) if "to" in there[3] else ("0", "0")
        turned = (back[3].split(" to ")) if "to" in back[3] else ("0", "0")
        assert [float(low), float(high)] == [-float(end) for end in reversed(turned)]
        assert [there[0], there[1], *there[4:]] == [back[0], back[1], *back[4:]]
    assert {row[1] for row in shown[0]} >= {"lvmmed_resnet50", "open"}


def test_the_command_is_safe_to_paste(browser, write: Callable[..., Path], tmp_path: Path) -> None:
    names = ("it's; rm -rf ~", "-x", "plain_1", '$(id) `id` "\\')
    for name in names:
        write(name, 0.5)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    opened = browser.new_page()
    for a, b in permutations(names, 2):
        choice = urlencode({"first": a, "second": b})
        opened.goto(f"{(tmp_path / 'site' / 'compare.html').as_uri()}#{choice}")
        opened.wait_for_function(
            "said => document.getElementById('versus').textContent === said", arg=f"{a} against {b}"
        )
        words = shlex.split(opened.locator("#command").text_content())
        dashes = ["--"] if "-x" in (a, b) else []
        assert words == ["python", "-m", "reports", "compare", "RESULTS", *dashes, a, b]
    opened.close()


def test_names_stay_in_sight_and_a_cut_table_says_so(page, site: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for name in PAGES:
        page.goto((site / name).as_uri())
        page.wait_for_timeout(100)
        for region in page.locator(".scroll").all():
            cut = region.evaluate("r => r.scrollWidth > r.clientWidth + 1")
            assert ("more" in region.get_attribute("class").split()) == cut, name
            assert (region.get_attribute("aria-description") is not None) == cut
            region.evaluate("r => { r.scrollLeft = r.scrollWidth; }")
            hidden = region.evaluate(
                """r => [...r.querySelectorAll("tbody th.name")].filter(th => {
                  const [own, frame] = [th.getBoundingClientRect(), r.getBoundingClientRect()];
                  return own.left < frame.left - 1 || own.right > frame.right + 1 || th.scrollWidth > th.clientWidth;
                }).map(th => th.textContent)"""
            )
            assert not hidden, (name, hidden)
        page.wait_for_timeout(100)
        assert page.locator(".scroll.more").count() == 0, "at the right end nothing more is cut"


def test_a_comparison_has_an_address(page, site: Path) -> None:
    page.goto((site / "tasks/isic2018.html").as_uri())
    page.locator("tr", has_text="simclr_resnet50").get_by_text("compare").first.click()
    page.wait_for_url("**/compare.html*")
    page.wait_for_load_state()
    assert page.locator("#versus").inner_text() == "lvmmed_resnet50 against simclr_resnet50"


def test_phantoms_are_marked_in_the_comparison(page, site: Path) -> None:
    page.goto((site / "compare.html").as_uri())
    assert "PHANTOM" not in page.locator("#alert").inner_text()
    page.get_by_label("Figures").select_option(label="Phantoms, profile mini, all labels")
    page.get_by_label("Backbone B").select_option(label="imagenet_resnet50")
    assert "PHANTOM: says nothing about medicine" in page.locator("#alert").inner_text()
    assert page.locator("#tests tr.phantom").count() == 2


def test_a_hostile_backbone_is_text_everywhere(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    assert HOSTILE in names(page)
    link = page.locator("#overall-table a", has_text=HOSTILE).first
    link.click()
    page.wait_for_load_state()
    assert page.locator("h1").inner_text() == HOSTILE
    page.goto((site / "tasks/isic2018.html").as_uri())
    assert HOSTILE in page.locator("figure.plot svg").first.text_content()
    page.goto((site / "compare.html").as_uri())
    page.get_by_label("Backbone B").select_option(label=HOSTILE)
    assert HOSTILE in page.locator("#versus").inner_text()
    assert HOSTILE in page.locator("#differences figcaption").inner_text()
    assert page.locator("img[src=x]").count() == 0


def test_light_and_dark(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.get_by_role("button", name="Dark").click()
    dark = page.evaluate(paper)
    assert light == "rgb(255, 255, 255)" and dark != light
    page.goto((site / "compare.html").as_uri())
    assert page.evaluate(paper) == dark, "the choice holds on the next page"
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(paper) == light


def test_dark_is_the_systems_choice_at_first(page, site: Path) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto((site / "index.html").as_uri())
    assert page.get_by_role("button", name="Dark").get_attribute("aria-pressed") == "true"


def test_by_keyboard_alone(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"

    def reach(selector: str, most: int = 200) -> None:
        for _ in range(most):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached by Tab")

    reach("#overall-table th [role=button], #overall-table th[tabindex]")
    first = names(page)
    page.keyboard.press("Enter")
    for _ in range(50):  # the browser sorts when it finds the time
        if names(page) != first:
            break
        page.wait_for_timeout(100)
    assert names(page) != first, "Enter sorts"
    reach(".dtcc-button")
    page.keyboard.press("Enter")
    assert page.locator(".dtcc-dropdown").is_visible()
    page.keyboard.press("Escape")

    page.goto((site / "tasks/isic2018.html").as_uri())
    page.locator("a.case").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0
    assert page.evaluate("document.activeElement.className") == "case", "focus returns"


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_scrolls_sideways(page, site: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for name in PAGES:
        page.goto((site / name).as_uri())
        page.wait_for_function("document.readyState === 'complete'")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name


def test_print_is_light_and_without_controls(page, site: Path) -> None:
    page.goto((site / "index.html").as_uri())
    page.get_by_role("button", name="Dark").click()
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    for hidden in ("#theme", ".top nav", "#overall-table .dtcc"):
        assert page.locator(hidden).first.is_hidden(), hidden
    assert page.locator("#overall-table .badge.phantom").first.is_visible()


def test_without_scripts_everything_but_the_comparison_is_there(browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    bare = context.new_page()
    bare.goto((site / "index.html").as_uri())
    assert bare.locator("#overall-table tbody tr").count() > 20
    assert bare.locator("#overall-table .badge.phantom").first.is_visible()
    bare.goto((site / "tasks/isic2018.html").as_uri())
    bare.locator("a.case").first.click()
    assert bare.url.endswith(".png")
    bare.goto((site / "compare.html").as_uri())
    assert bare.get_by_text("python -m reports compare").is_visible()
    context.close()
