"""Requests that arrive by the clock: the schedule, what sends them, and what is measured of them."""
