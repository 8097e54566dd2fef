"""A show whose secret has no value: its start says which variable to set, and nothing of healing."""

from pathlib import Path

import pytest

from demo.errors import SubjectError
from demo.showfile.running import RunningSystem
from demo.showfile.show import open_show

DECK = """\
---
secrets: {TOKEN: {env: NEVER_SET_TOKEN}}
probes:
  shop: {http: "http://127.0.0.1:9/", headers: {Authorization: "Bearer ${TOKEN}"}}
---

# A shop
"""


def test_a_start_without_the_value_of_a_secret_says_which_variable_to_set(tmp_path: Path) -> None:
    (tmp_path / "show.md").write_text(DECK)
    system = RunningSystem(open_show(tmp_path / "show.md"))  # a healer makes one, too, and may not need the secret
    with pytest.raises(SubjectError, match="NEVER_SET_TOKEN is not set"):
        system.check()
