"""The name that docs/extending.md gave `demo.faults.target_selection` before: kept for subjects that import it."""

from demo.faults.target_selection import Elected, Fixed, OneOf

__all__ = ["Elected", "Fixed", "OneOf"]
