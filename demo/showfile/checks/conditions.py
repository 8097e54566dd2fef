"""Checks of conditions."""

from demo.showfile.checks.known_names import KnownNames
from demo.showfile.checks.places import Checked


def check_conditions(checked: Checked, names: KnownNames) -> None:
    pass
