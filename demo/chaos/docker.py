"""The name that docs/extending.md gave `demo.faults.container` before: kept for subjects that import it."""

from demo.faults.container import ContainerFault
from demo.faults.target_selection import Elected, Fixed, OneOf

__all__ = ["ContainerFault", "Elected", "Fixed", "OneOf"]
