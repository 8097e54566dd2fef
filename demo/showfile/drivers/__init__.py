"""Fault drivers of a show file: each kind of fault is injected, undone and proved healed as the file says."""

from demo.showfile.drivers.build import build_drivers, describe_targets
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.planned import driver_of_plan
from demo.showfile.drivers.secrets import Secrets

__all__ = ["DriverContext", "Secrets", "build_drivers", "describe_targets", "driver_of_plan"]
