"""A show file with images, columns and code that is shown in steps, and its address for each image."""

from pathlib import Path

from demo.narration import make_image
from tests.support.pictures import png

ACTIVE_SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 320" onload="document.title=\'hacked\'">'
    b'<script>document.title="hacked"; fetch("/state")</script><rect width="640" height="320" fill="red"/></svg>'
)
LARGE = png(3000, 2400)
DECK = """\
---
title: Pictures and code
---

# An image

Look at *this*.

![Two parts](img/active.svg)

<!-- pause -->

![A large one](<img/a large one ü.png>)

---

# Columns

<!-- column_layout: [2, 1] -->
<!-- column: 0 -->

Left first.

<!-- pause -->

Left second.

<!-- column: 1 -->

Right.

<!-- reset_layout -->

Below.

---

# Code

```python {1|2-3|all}
def heal(node: str) -> bool:
    started = node.start()
    return started
```

<!-- pause -->

Done.
"""

ADDRESSES = (make_image(ACTIVE_SVG).address, make_image(LARGE).address)


def write_deck(folder: Path) -> Path:
    """Write it into a folder, and return the path of the show file."""
    (folder / "img").mkdir()
    (folder / "img" / "active.svg").write_bytes(ACTIVE_SVG)
    (folder / "img" / "a large one ü.png").write_bytes(LARGE)
    (folder / "show.md").write_text(DECK)
    return folder / "show.md"
