"""How long a show file of many chapters is read: `python -m bench.show_file [CHAPTERS]`.

Each chapter has settings in a code block, a heading, text, code and notes. Prints the median of five readings, in CPU
time.
"""

import statistics
import sys
import time

from demo.showfile.source import parse_source

CHAPTER = """```yaml
id: chapter-{number}
budget: 1m30s
on_enter:
  - say: "Chapter {number}"
  - fault: leader-dies
  - wait_until: count(members up) == 3 within 30s
require:
  - condition: '[STATUS] == 200'
    msg: Start it
hypothesis: It stays up
expect: api is up for 3s
```

## Chapter *{number}*

Some text with `code`, and a list:

- one
- two

<!-- pause -->

```sql {{1|2}}
SELECT 1;
SELECT 2;
```

<!-- What only the presenter reads. -->

---

"""


def main() -> None:
    chapters = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    text = "---\ntitle: Long\n---\n\n" + "".join(CHAPTER.format(number=number) for number in range(chapters))
    took = []
    for _ in range(5):
        began = time.process_time()
        source, problems = parse_source(text, "long.md", None, {})
        took.append(time.process_time() - began)
        assert not problems
        assert len(source.chapters) == chapters
    print(f"{chapters} chapters, {len(text):,} characters: {statistics.median(took) * 1000:.0f} ms of CPU time")


if __name__ == "__main__":
    main()
