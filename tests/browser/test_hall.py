"""A hall with more phones than places, as a phone without one sees it."""

from pathlib import Path

from playwright.sync_api import expect

from tests.support.chromium import PHONE, Window, chromium
from tests.support.raw_sse_client import RawSseClient
from tests.support.servers import script, serving
from tests.web.streaming.test_direct import FEW, say

PLACES = 112
NEXT_PICTURE_MS = 10_000


def test_a_phone_without_a_place_sees_pictures_says_so_and_takes_the_first_place_that_is_free(tmp_path: Path) -> None:
    with serving(program=script(tmp_path / "few.py", FEW)) as server, chromium() as browser:
        hall = [RawSseClient(server.port) for _ in range(PLACES)]
        for one in hall:
            one.until("r-top")
        phone = Window(browser, server.url, PHONE)
        notice = phone.page.locator("#link")
        expect(notice).to_be_visible()
        expect(notice).to_contain_text("too many viewers: refreshed every")
        phone.save_screenshot("hall-full-phone")
        assert "lost" not in (phone.page.locator("html").get_attribute("class") or "").split()
        say(server, "seen from the back row")
        expect(phone.page.locator("#r-said")).to_contain_text("seen from the back row", timeout=NEXT_PICTURE_MS)
        hall.pop().close()
        expect(notice).to_be_hidden(timeout=NEXT_PICTURE_MS)
        say(server, "and now at once")
        expect(phone.page.locator("#r-said")).to_contain_text("and now at once", timeout=1000)
        assert phone.console_errors == []
        phone.close()
        for one in hall:
            one.close()
