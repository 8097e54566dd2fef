"""`demo doctor`: looks at what a show needs on this machine. Starts no system, pulls nothing, changes nothing."""

from demo.doctor.examination import examine
from demo.doctor.report import Report

__all__ = ["Report", "examine"]
