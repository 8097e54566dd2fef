"""Journals on disk: which one to continue, what one holds, and which may be removed."""

from demo.journal.library.directory import Shelf
from demo.journal.library.open_show import Keeper

__all__ = ["Keeper", "Shelf"]
