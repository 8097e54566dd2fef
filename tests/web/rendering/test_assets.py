"""Static files: exact paths only, named by their content, packed once."""

import gzip
import re
from importlib import resources
from pathlib import Path

import pytest

from demo.show import create_initial_state
from demo.types import Chapter
from demo.web.rendering.assets import SCRIPTS, SHEETS, Assets
from demo.web.rendering.renderer import Renderer

BUDGETS = {"stage": 60 * 1024, "presenter": 70 * 1024, "remote": 45 * 1024}
"""Bytes of a page with its sheets and scripts, packed as they are sent, without fonts; the presenter has a stage."""

MAX_FONTS_BYTES = {"stage": 50 * 1024, "presenter": 50 * 1024, "remote": 0}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "static" / "vendor").mkdir(parents=True)
    (tmp_path / "static" / "show.css").write_text("body { color: red }\n" * 40)
    (tmp_path / "static" / "vendor" / "lib.js").write_text("1;")
    (tmp_path / "static" / "favicon.svg").write_text("<svg/>")
    (tmp_path / "static" / "notes.md").write_text("not served")
    (tmp_path / "secret.css").write_text("outside")
    return tmp_path / "static"


def test_a_url_names_the_content(directory: Path) -> None:
    before = Assets(directory)
    assert re.fullmatch(r"static/show\.[0-9a-f]{10}\.css", before.url("show.css"))
    (directory / "show.css").write_text("body { color: blue }")
    after = Assets(directory)
    assert after.url("show.css") != before.url("show.css")
    assert after.url("vendor/lib.js") == before.url("vendor/lib.js")
    assert after.fingerprint != before.fingerprint


def test_a_fingerprinted_path_is_kept_for_ever_and_a_plain_one_asked_for_again(directory: Path) -> None:
    assets = Assets(directory)
    for path, cached in ((assets.url("favicon.svg"), "immutable"), ("favicon.svg", "no-cache")):
        asset = assets.find(path)
        assert asset is not None
        assert cached in asset.cache_control
        assert asset.media_type == "image/svg+xml"
        assert asset.body == b"<svg/>"


def test_what_a_sheet_points_to_is_named_by_its_content_too(directory: Path) -> None:
    (directory / "vendor" / "font.woff2").write_bytes(b"first")
    (directory / "font.css").write_text('@font-face { src: url("vendor/font.woff2"); } i { mask: url("data:,") }')
    before = Assets(directory)
    sheet = before.find("font.css")
    assert sheet is not None
    (named,) = re.findall(rb'url\("(vendor/font\.[0-9a-f]{10}\.woff2)"\)', sheet.body)
    font = before.find(named.decode())
    assert font is not None
    assert (font.body, font.media_type) == (b"first", "font/woff2")
    assert "immutable" in font.cache_control
    # A new font makes a new sheet: a page that is kept for ever never has the old one.
    (directory / "vendor" / "font.woff2").write_bytes(b"second")
    assert Assets(directory).url("font.css") != before.url("font.css")


def test_large_files_are_packed_and_small_ones_are_not(directory: Path) -> None:
    assets = Assets(directory)
    large, small = assets.find("show.css"), assets.find("vendor/lib.js")
    assert large is not None
    assert small is not None
    assert gzip.decompress(large.content(gzip_accepted=True)) == large.body
    assert large.headers(gzip_accepted=True)["content-encoding"] == "gzip"
    assert "content-encoding" not in large.headers(gzip_accepted=False)
    assert large.content(gzip_accepted=False) == large.body
    assert "content-encoding" not in small.headers(gzip_accepted=True)


@pytest.mark.parametrize(
    "path",
    ["", "/", "..", "../secret.css", "/static/../secret.css", "vendor/../show.css", "notes.md", "vendor", "show.css/"],
)
def test_only_exact_paths_are_answered(directory: Path, path: str) -> None:
    assert Assets(directory).find(path) is None


def test_an_unknown_name_is_a_mistake_of_ours(directory: Path) -> None:
    with pytest.raises(KeyError):
        Assets(directory).url("nowhere.css")


@pytest.mark.parametrize("view", BUDGETS)
def test_a_page_with_all_that_it_loads_stays_within_its_budget(view: str) -> None:
    assets = Assets(Path(str(resources.files("demo") / "static")))
    state = create_initial_state("Show", "none", "", [Chapter("One", "A text.")])
    page = Renderer(assets).page(view, state, {}, "epoch", 0.0)
    linked = {found for found in map(assets.find, re.findall(r'(?:href|src)="(static/[^"]+)"', page)) if found}
    sizes = {asset.url: len(asset.content(gzip_accepted=True)) for asset in linked}
    fonts = sum(size for url, size in sizes.items() if url.endswith(".woff2"))
    assert len(sizes) > 5
    # The display font takes the place of the system's, so it must come after the page's own sheets.
    assert 0 < page.index(f"static/{view}-page.") < (page.find("static/font.") if fonts else len(page))
    assert sum(sizes.values()) - fonts + len(gzip.compress(page.encode())) <= BUDGETS[view], sizes
    assert fonts <= MAX_FONTS_BYTES[view]


def test_the_sheets_of_a_page_are_one_file_and_every_sheet_is_in_one() -> None:
    assets = Assets(Path(str(resources.files("demo") / "static"))).all()
    for page, names in SHEETS.items():
        assert assets[page].body == b"\n".join(assets[name].body for name in names)
    # The sheet of a report is not part of a page: it stands in the document.
    alone = {"font.css", "pair.css", "report.css", *SHEETS}
    assert {name for name in assets if name.endswith(".css")} == alone.union(*SHEETS.values())


def test_the_scripts_of_a_page_are_one_file_and_every_script_is_in_one() -> None:
    assets = Assets(Path(str(resources.files("demo") / "static"))).all()
    for page, names in SCRIPTS.items():
        assert assets[page].body == b"\n".join(assets[name].body for name in names)
    ours = {name for name in assets if name.endswith(".js") and not name.startswith("vendor/")}
    assert ours == {"ask.js", "pair.js", *SCRIPTS}.union(*SCRIPTS.values())


@pytest.mark.parametrize("name", sorted({"ask.js", "pair.js"}.union(*SCRIPTS.values())))
def test_a_script_leaves_no_name_behind_so_that_it_can_stand_before_any_other(name: str) -> None:
    source = Assets(Path(str(resources.files("demo") / "static"))).all()[name].body.decode()
    outside = [line for line in source.splitlines() if line and not line.startswith((" ", "//"))]
    strict, opened, closed = outside
    assert (strict, closed) == ("'use strict';", "})();")
    assert re.fullmatch(r"((window\.)?demo(\.\w+)? = )?\(\(\) => \{", opened)


def test_no_script_of_ours_uses_what_the_policy_forbids() -> None:
    assets = Assets(Path(str(resources.files("demo") / "static")))
    for name, asset in assets.all().items():
        if name.endswith(".js") and not name.startswith("vendor/") and name not in SCRIPTS:
            source = asset.body.decode()
            assert "'use strict';" in source, name
            assert not re.search(r"\beval\(|new Function|innerHTML|insertAdjacentHTML|document\.write", source), name
            assert len(source.splitlines()) <= 400, name
