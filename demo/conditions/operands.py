"""The two sides of a comparison: paths and functions on the left, values on the right."""

from demo.conditions.errors import ConditionError
from demo.conditions.facts import LENGTH, PRESENCE
from demo.conditions.lexer import MAX_SHOWN, Token
from demo.conditions.patterns import MAX_PATTERN
from demo.conditions.spelling import nearest
from demo.conditions.syntax import NAME, NO_TEXTS, RESERVED, Count, Field, Glob, Literal
from demo.conditions.type_check import check_comparison
from demo.conditions.values import UNITS, Quantity, read_quantity
from demo.errors import InvalidValue

GATUS = {"STATUS": "status", "RESPONSE_TIME": "latency", "BODY": "body", "CONNECTED": "connected"}
"""Gatus' names of what a probe measures, and ours."""

FUNCTIONS = ("count", "len", "has", "p", "any", "pat")
MAX_CHOICES = 100
_SEPARATE_UNITS = frozenset((*UNITS, "m", "d", "us", "µs", "/m", "/h", "B", "KB", "KiB", "MiB", "GiB"))


class OperandReader:
    """Walks over tokens and reads operands of them."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self.after_text = False
        """Whether the token before this one was a text without quotes."""

    @property
    def here(self) -> Token:
        return self._tokens[self._next]

    @property
    def peek(self) -> Token:
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    @property
    def before(self) -> Token:
        return self._tokens[max(self._next - 1, 0)]

    def take(self) -> Token:
        """Return this token and go on; the end stays the end."""
        token = self.here
        self._next = min(self._next + 1, len(self._tokens) - 1)
        self.after_text = False
        return token

    def at_end(self) -> bool:
        return self.here.kind == "end"

    def at_word(self, *words: str) -> bool:
        return self.here.kind == "word" and self.here.text in words

    def at_symbol(self, symbol: str) -> bool:
        return self.here.kind == "symbol" and self.here.text == symbol

    def close(self, opening: Token, suffixes: tuple[str, ...] = ()) -> None:
        """Take the `)` that belongs to `opening`."""
        if self.at_word(*suffixes):
            raise ConditionError(
                f"{self.here} stands last, over the whole condition: put it behind the last ')'", self.here.at
            )
        if not self.at_symbol(")"):
            raise ConditionError(
                f"expected ')' for the '(' at character {opening.at + 1}, not {self.here}", self.here.at
            )
        self.take()

    def name(self, what: str) -> Token:
        """Take a name that stands alone; quotes let it be anything."""
        token = self.here
        if token.kind == "text" and token.text:
            return self.take()
        if token.kind != "word" or token.text in RESERVED:
            raise ConditionError(f"expected {what}, not {token}", token.at)
        return self.take()

    def left(self) -> Field:
        """Read what stands left of an operator, except a count."""
        token = self.here
        calls = token.kind == "word" and self.peek.kind == "symbol" and self.peek.text == "("
        if calls and not token.text.endswith(".p"):
            return self._function()
        field = self.path()
        if field.parts[-1] == "p" and self.at_symbol("(") and len(field.parts) > 1:
            return Field(field.parts[:-1], self._percentile(self.take()), at=token.at)
        return field

    def path(self) -> Field:
        """Read `a.b`, `a[0].b`, `a["some key"]`; the first part may stand in quotes."""
        token = self.here
        if self.at_symbol("["):
            return self._gatus()
        if token.kind == "text" and token.text:
            self.take()
            return Field(tuple(self._more([token.text])), at=token.at)
        if token.kind != "word" or token.text in RESERVED:
            raise ConditionError(f"expected a name like status, latency or redis, not {token}", token.at)
        if self._is_number(token):
            raise ConditionError(f"left of an operator stands a name, and the value right of it, not {token}", token.at)
        self.take()
        return Field(tuple(self._more(self._split(token.text, token.at))), at=token.at)

    @staticmethod
    def _is_number(token: Token) -> bool:
        try:
            return read_quantity(token.text) is not None
        except InvalidValue:
            return True

    def _split(self, text: str, at: int) -> list[str]:
        parts = text.split(".")
        for index, part in enumerate(parts):
            if not NAME.fullmatch(part) and not (index and part.isdecimal() and part.isascii()):
                shown = text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
                raise ConditionError(
                    f"'{shown}' is not a valid name: it may have letters, digits, _ and -, with dots between. "
                    'Any other is written in quotes: "my probe".latency, body["my key"]',
                    at,
                )
            at += len(part) + 1
        return parts

    def _more(self, parts: list[str]) -> list[str]:
        """Read what directly follows a path: `[0]`, `["key"]`, `.name`."""
        while self.here.at == self.before.end:
            token = self.here
            if self.at_symbol("["):
                self.take()
                index = self.take()
                if index.kind == "text" or (index.kind == "word" and index.text.isdecimal() and index.text.isascii()):
                    parts.append(index.text)
                else:
                    raise ConditionError(f"expected a number or a name in quotes in [ ], not {index}", index.at)
                self._close_bracket()
            elif token.kind == "word" and token.text.startswith("."):
                self.take()
                parts.extend(self._split("x" + token.text, token.at - 1)[1:])
            else:
                break
        return parts

    def _close_bracket(self) -> None:
        if not self.at_symbol("]"):
            raise ConditionError(f"expected ']', not {self.here}", self.here.at)
        self.take()

    def _gatus(self) -> Field:
        opening = self.take()
        token = self.take()
        if token.kind != "word" or token.text not in GATUS:
            known = ", ".join(f"[{name}]" for name in GATUS)
            hint = nearest(token.text.upper(), GATUS) if token.kind == "word" else ""
            if token.kind == "word" and token.text.upper() in GATUS:
                hint = f": write [{token.text.upper()}]"
            raise ConditionError(f"[{token.text}] is not known{hint or f': there are {known}'}", opening.at)
        self._close_bracket()
        return Field(tuple(self._more([GATUS[token.text]])), at=opening.at, gatus=True)

    def _function(self) -> Field:
        token = self.take()
        opening = self.take()
        if token.text in ("len", "has"):
            inner = self.path()
            self.close(opening)
            return Field(inner.parts, LENGTH if token.text == "len" else PRESENCE, at=token.at)
        if token.text == "p":
            return Field((), self._percentile(opening), at=token.at)
        if token.text in ("any", "pat"):
            raise ConditionError(f"{token.text}(…) stands right of == or !=", token.at)
        hint = nearest(token.text, FUNCTIONS)
        raise ConditionError(f"there is no {token.text}(…){hint}: there are {', '.join(FUNCTIONS)}", token.at)

    def _percentile(self, opening: Token) -> str:
        token = self.take()
        try:
            value = read_quantity(token.text) if token.kind == "word" else None
        except InvalidValue:
            value = None
        if value is None or value.unit or not 0 < value.number <= 100:
            raise ConditionError(f"p(…) needs a percentile above 0 and up to 100, like p(95), not {token}", token.at)
        self.close(opening)
        return f"p({value.number:g})"

    def literal(self, *, milliseconds: bool = False) -> Literal:
        """Read a value: quoted or bare text, a number with its unit (a space may stand between), true or false.

        `milliseconds`: a bare number is so many of them.
        """
        token = self.here
        if token.kind == "text":
            return self.take().text
        if token.kind != "word" or token.text in RESERVED:
            quoted = ": put it in quotes if a text is meant" if token.kind == "word" else ""
            raise ConditionError(f"expected a value like 200, 300ms or leader, not {token}{quoted}", token.at)
        if self.peek.kind == "symbol" and self.peek.text == "(" and self.peek.at == token.end:
            raise ConditionError(f"{token.text}(…) cannot stand right of an operator: only any(…) and pat(…)", token.at)
        self.take()
        if token.text in ("true", "false"):
            return token.text == "true"
        number = self._quantity(token)
        if number is None:
            self.after_text = True
            return self._bare_text(token)
        if milliseconds and not number.unit:
            return Quantity(number.number / 1000, "s")
        return number

    def _quantity(self, token: Token) -> Quantity | None:
        try:
            number = read_quantity(token.text)
            if number is not None and not number.unit and self.at_word(*_SEPARATE_UNITS):
                return read_quantity(token.text + self.take().text)
        except InvalidValue as error:
            classes = ": write status >= 200 and status < 300" if token.text.lower() == "2xx" else f": {error}"
            raise ConditionError(f"{token.text!r} is not a valid value{classes}", token.at) from None
        return number

    @staticmethod
    def _bare_text(token: Token) -> str:
        if token.text.lower() in ("true", "false"):
            raise ConditionError(f"write {token.text.lower()} instead of {token}, or put it in quotes", token.at)
        if token.text.lower() in NO_TEXTS:
            raise ConditionError(
                f"{token} cannot be compared: write has(NAME) == false, or quotes for a text", token.at
            )
        if "*" in token.text or "?" in token.text:
            raise ConditionError(f"write pat({token.text}) for a pattern, or put it in quotes", token.at)
        if token.text[0] == "." and token.text[1:].isdecimal():
            raise ConditionError(f"write 0{token.text} instead of {token.text}", token.at)
        if token.text.startswith("/") and token.text.endswith("/") and len(token.text) > 1:
            raise ConditionError(f"a regular expression goes with matches: write matches {token.text}", token.at)
        return token.text

    def choices(self, word: str, left: Field | Count) -> tuple[Literal | Glob, ...]:
        """Read `(a, b, pat(c*))` after `in`, or `any(…)` with its name."""
        if word == "any":
            self.take()
        opening = self.here
        if not self.at_symbol("("):
            hint = "; a pattern goes with ==" if self.at_word("pat") else ""
            raise ConditionError(f"'in' needs a list in parentheses, like in (a, b), not {opening}{hint}", opening.at)
        self.take()
        found: list[Literal | Glob] = []
        while True:
            token = self.here
            if self.at_word("pat") and self.peek.kind == "symbol" and self.peek.text == "(":
                found.append(self.glob(left))
            else:
                value = self.literal()
                check_comparison(left, "==", value, token.at)
                found.append(value)
            if len(found) > MAX_CHOICES:
                raise ConditionError(f"a list has at most {MAX_CHOICES} values", token.at)
            if not self.at_symbol(","):
                break
            self.take()
        self.close(opening)
        return tuple(found)

    def glob(self, left: Field | Count) -> Glob:
        """Read `pat(…)`."""
        start = self.take()
        opening = self.take()
        if isinstance(left, Count) or left.function:
            raise ConditionError(f"{left} is not a text that could match a pattern", start.at)
        token = self.here
        if token.kind not in ("word", "text") or not token.text:
            raise ConditionError(f"pat(…) needs a text with * or ?, like pat(192.168.*), not {token}", token.at)
        if len(token.text) > MAX_PATTERN:
            raise ConditionError(f"a pattern has at most {MAX_PATTERN} characters", token.at)
        self.take()
        self.close(opening)
        return Glob(token.text)
