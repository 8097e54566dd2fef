"""The sizes of the stage's texts by their length, so that the same text has the same size on every screen."""

_NARRATION_STEPS = (190, 300, 430, 600)
_HEADING_STEPS = (24, 44, 64)
_PREDICTION_STEPS = (60, 110, 180)


def narration_size(*texts: str) -> int:
    """Return the size of the narration's text, 0 (large) to 4, by its length without markup."""
    return _step(sum(map(len, texts)), _NARRATION_STEPS)


def heading_size(title: str) -> int:
    """Return the size of a heading, 0 (large) to 3, by its length."""
    return _step(len(title), _HEADING_STEPS)


def prediction_size(prediction: str) -> int:
    """Return the size of a prediction that has the stage to itself, 0 (large) to 3, by its length."""
    return _step(len(prediction), _PREDICTION_STEPS)


def _step(length: int, steps: tuple[int, ...]) -> int:
    return sum(length > step for step in steps)
