"""What a test measures of a page in a browser: how far its parts moved, and which texts and controls have no room."""

from playwright.sync_api import Page

WATCH = """() => {
  window.moved = [];
  const name = (node) => node?.id || node?.className || node?.nodeName;
  const told = ({ node, previousRect: a, currentRect: b }) => `${name(node)} ${[a.x, a.y, b.x, b.y].map(Math.round)}`;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.moved.push([entry.value, entry.sources.map(told)]);
  }).observe({ type: 'layout-shift' });
}"""

CUT = """(names) => [...document.querySelectorAll(names)].filter((e) => e.checkVisibility({ visibilityProperty: true }))
  .filter((e) => e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 2
    || e.getBoundingClientRect().right > innerWidth)
  .map((e) => `${e.tagName} ${e.className} ${e.textContent.trim()}`)"""

SMALL = """(least) => [...document.querySelectorAll('button, a[href], input')]
  .filter((e) => !e.classList.contains('unseen') && e.checkVisibility({ visibilityProperty: true }))
  .map((e) => [e.id || e.textContent.trim(), e.getBoundingClientRect()])
  .filter(([, box]) => box.height < least || box.width < least)
  .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""


def watch_shifts(page: Page) -> None:
    """Begin to count layout shifts, whoever caused them."""
    page.evaluate(WATCH)


def shifts(page: Page) -> list[tuple[float, list[str]]]:
    """Return each layout shift since `watch_shifts`: its score and what moved."""
    # An observer is called when the browser is idle; two frames later it has been.
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
    )
    return [(value, names) for value, names in page.evaluate("window.moved")]


def cut_texts(page: Page, names: str) -> list[str]:
    """Return the texts of the visible elements of this selector that are not seen whole."""
    found: list[str] = page.evaluate(CUT, names)
    return found


def small_controls(page: Page, least: int = 44) -> list[str]:
    """Return the visible controls that are lower or narrower than `least` pixels."""
    found: list[str] = page.evaluate(SMALL, least)
    return found
