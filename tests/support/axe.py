"""Deque's axe-core (npm package, 4.10.3, MPL 2.0, unchanged): what it finds wrong with a page for WCAG 2.2 AA."""

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).parent / "vendor" / "axe-core-4.10.3.min.js"

DECIDE = """(target) => {
  const node = document.querySelector(target);
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const style = getComputedStyle(node);
  const box = node.getBoundingClientRect();
  const stack = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const at = stack.indexOf(node);
  if (at < 0) return true; // Something lies over it: nobody reads it now.
  const grounds = stack.slice(at).map((one) => parse(getComputedStyle(one).backgroundColor));
  const behind = grounds.find((rgb) => rgb.length === 3 || rgb[3] === 1) ?? [255, 255, 255];
  const ink = node instanceof SVGElement ? style.fill : style.color;
  const [more, less] = [light(parse(ink)), light(behind)].sort((a, b) => b - a);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  return (more + 0.05) / (less + 0.05) >= (isLarge ? 3 : 4.5);
}"""
"""Whether a text has enough contrast to what is painted behind its middle, where axe does not decide it.

axe takes texts of a drawing for images, and leaves single characters and elements that others overlap undecided.
"""

DECIDED = ("imgNode", "bgOverlap", "shortTextContent")

RUN = """async () => {
  const decide = DECIDE;
  const { violations, incomplete } = await axe.run({
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  });
  const isOurs = (node) => node.any.some((check) => DECIDED.includes(check.data?.messageKey));
  const undecided = incomplete.filter((rule) => rule.id === 'color-contrast').map((rule) => ({
    ...rule, nodes: rule.nodes.filter((node) => !isOurs(node) || !decide(node.target[0])),
  }));
  return [...violations, ...undecided]
    .flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}`));
}""".replace("DECIDED", str(list(DECIDED))).replace("DECIDE", DECIDE)


def findings(page: Page) -> list[str]:
    """Return each violation as its rule and element, and each contrast that could not be decided."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(SOURCE.read_text())
    found: list[str] = page.evaluate(RUN)
    return found
