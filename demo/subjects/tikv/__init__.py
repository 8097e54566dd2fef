"""TiKV and its placement driver, PD."""
