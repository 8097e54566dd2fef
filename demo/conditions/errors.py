"""The error of the condition language."""

from demo.errors import InvalidValue


class ConditionError(InvalidValue):
    """A text that is not a condition. `message` says what was expected; `offset` (from 0, in characters) says where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset
