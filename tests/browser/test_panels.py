"""Panels in a real browser: colours that are seen, output that stays text, and few updates whatever is printed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.support.chromium import LAPTOP, PHONE, PROJECTOR, Window, chromium, until_true, windows
from tests.support.servers import Server, serving

pytestmark = pytest.mark.browser

EVIL = r"printf '\033[31mred\033[0m \033[42mon green\033[0m <script>document.title=1</script>"
EVIL += r" <img src=x onerror=alert(1)> \033]0;title\007& \342\200\256x\n'; exec sleep 600"

DECK = f"""\
---
title: Panels
panels:
  evil: {{run: [sh, -c, {EVIL!r}], lines: 5}}
  flood: {{run: ["yes"], lines: 5}}
  missing: {{run: [no-such-program], lines: 5}}
  wide: {{run: [printf, "%0300d"], lines: 5}}
  last: {{run: [sh, -c, "i=0; while [ $i -lt 30 ]; do i=$((i + 1)); echo line $i; done"], lines: 30}}
---

```yaml
panel: [evil, flood]
```

# Two of them

Text beside them.

---

```yaml
panel: [evil, flood, missing, wide, last]
```

# All five

---

```yaml
panel: last
layout: panel
```

# A large one

---

# None

---

```yaml
panel: [evil, last]
```

# One that does not fit
"""

Opened = tuple[Server, Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def shown(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder: Path = tmp_path_factory.mktemp("deck")
    (folder / "show.md").write_text(DECK.replace("'sh", "sh"))
    with serving("show.md", "-x", cwd=folder) as server, windows() as opened:
        opened.append(Window(browser, server.url, PROJECTOR))
        yield server, opened[0]


@pytest.fixture
def stage(shown: Opened) -> Window:
    assert shown[0].client.post("/goto/1").status_code == 200
    expect(shown[1].page.locator("#r-panel_1 .output")).to_contain_text("red", timeout=20_000)
    return shown[1]


def test_output_is_text_in_its_colours_and_runs_nothing(stage: Window) -> None:
    output = stage.page.locator("#r-panel_1 .output")
    expect(output).to_contain_text("<script>document.title=1</script> <img src=x onerror=alert(1)> & x")
    assert output.locator("script, img").count() == 0
    assert stage.page.title() == "Panels"
    color = "e => getComputedStyle(e).color"
    red = output.locator(".o-red").evaluate(color)
    assert red != output.evaluate(color)
    ground = output.locator(".o-fill").evaluate("e => getComputedStyle(e).backgroundColor")
    assert ground not in ("rgba(0, 0, 0, 0)", red)
    assert stage.console_errors == []
    stage.save_screenshot("panels-two")


CUT_LINES = """() => [...document.querySelectorAll("#r-panel_2 .output i")].filter((line) => {
    const box = line.getBoundingClientRect(), x = box.left + 2;
    const seen = (y) => document.elementFromPoint(x, y) === line;
    return seen(box.top + 2) !== seen(box.bottom - 2);
}).length"""


def test_no_line_of_output_that_does_not_fit_is_cut_in_half(shown: Opened, stage: Window) -> None:
    assert shown[0].client.post("/goto/5").status_code == 200
    expect(stage.page.locator("#r-panel_2 .output i").last).to_have_text("line 30", timeout=20_000)
    assert stage.page.locator("#r-panel_2 .output i").count() == 30
    assert stage.page.evaluate(CUT_LINES) == 0


def test_a_flood_changes_a_panel_four_times_a_second_at_most(stage: Window) -> None:
    expect(stage.page.locator("#r-panel_2 .how")).to_contain_text("skipped", timeout=20_000)
    stage.page.evaluate(
        """() => { window.changes = []; new MutationObserver(() => changes.push(performance.now()))
        .observe(document.getElementById("r-panel_2"), {childList: true, subtree: true, characterData: true}); }"""
    )
    until_true(stage.page, "() => window.changes.length >= 6")
    first, last, count = stage.page.evaluate("() => [changes[0], changes.at(-1), changes.length]")
    assert (count - 1) / ((last - first) / 1000) <= 4.6
    assert stage.page.locator("#r-panel_2 .output i").all_inner_texts() == ["y"] * 5


def test_five_panels_stand_side_by_side_and_none_leaves_its_place(shown: Opened, stage: Window) -> None:
    assert shown[0].client.post("/goto/2").status_code == 200
    expect(stage.page.locator(".panel")).to_have_count(5)
    expect(stage.page.locator("#r-panel_3 .why")).to_have_text(
        "could not be started: the command no-such-program was not found", timeout=20_000
    )
    boxes = [panel.bounding_box() for panel in stage.page.locator(".panel").all()]
    for number, box in enumerate(boxes):
        assert box is not None
        assert box["width"] > 300
        assert box["height"] > 150
        assert box["x"] + box["width"] <= PROJECTOR[0]
        assert box["y"] + box["height"] <= PROJECTOR[1]
        for other in boxes[:number]:
            assert other is not None
            is_beside = other["x"] + other["width"] <= box["x"] + 1 or box["x"] + box["width"] <= other["x"] + 1
            assert is_beside or other["y"] + other["height"] <= box["y"] + 1
    assert stage.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    stage.save_screenshot("panels-five")


def test_of_lines_that_do_not_fit_the_last_ones_are_seen_and_a_large_panel_shows_more(
    shown: Opened, stage: Window
) -> None:
    assert shown[0].client.post("/goto/2").status_code == 200
    last = stage.page.locator("#r-panel_5 .output i", has_text="line 30")
    expect(last).to_be_in_viewport(ratio=0.9, timeout=20_000)
    assert shown[0].client.post("/goto/3").status_code == 200
    expect(stage.page.locator(".panel")).to_have_count(1)
    for line in ("line 1", "line 30"):
        expect(stage.page.locator(".output").get_by_text(line, exact=True)).to_be_in_viewport(ratio=0.9)
    stage.save_screenshot("panels-large")
    assert shown[0].client.post("/goto/4").status_code == 200
    expect(stage.page.locator(".panel")).to_have_count(0)
    expect(stage.page.locator(".panels")).to_be_hidden()


def test_the_presenter_sees_the_panels_and_a_phone_of_the_audience_does_not(
    browser: Browser, shown: Opened, stage: Window
) -> None:
    with windows() as opened:
        opened.append(Window(browser, f"{shown[0].url}/presenter", LAPTOP, "light"))
        expect(opened[0].page.locator("#r-panels .panel")).to_have_count(2)
        expect(opened[0].page.locator("#r-panels .output").first).to_contain_text("red")
        opened[0].save_screenshot("panels-presenter")
        opened.append(Window(browser, shown[0].url, PHONE))
        expect(opened[1].page.locator("h1")).to_have_text("Two of them")
        expect(opened[1].page.locator(".panels")).to_be_hidden()
        assert [window.console_errors for window in opened] == [[], []]
