"""Deque's axe-core (npm package, 4.10.3, MPL 2.0, unchanged): what it finds wrong with a page for WCAG 2.2 AA."""

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).parent / "vendor" / "axe-core-4.10.3.min.js"

RUN = """() => axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
  .then(({ violations, incomplete }) => [...violations, ...incomplete.filter((rule) => rule.id === 'color-contrast')]
    .flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}`)))"""


def findings(page: Page) -> list[str]:
    """Return each violation as its rule and element, and each contrast that could not be decided."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(SOURCE.read_text())
    found: list[str] = page.evaluate(RUN)
    return found
