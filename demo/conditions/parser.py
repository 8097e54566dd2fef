"""The grammar, by recursive descent. Every text gives a tree or a `ConditionError`.

condition = or [("for" | "within") TIME | "during" NAME]
or        = and {"or" and}
and       = not {"and" not}
not       = "not" not | "(" or ")" | "all" STATE | NAME "is" ["not"] STATE | left relation | "has" "(" path ")"
left      = path | "len" "(" path ")" | "has" "(" path ")" | [path "."] "p" "(" NUMBER ")" | count
count     = "count" "(" NAME ["where" or] [STATE] ")" | "count" "(" path relation [STATE] ")"
relation  = OPERATOR value | ("==" | "!=") (any | pat) | ["not"] "in" list | "matches" REGEX
any       = "any" list        list = "(" choice {"," choice} ")"        choice = value | pat
pat       = "pat" "(" TEXT ")"
"""

from dataclasses import dataclass

from demo.conditions.errors import ConditionError
from demo.conditions.facts import ALL, PRESENCE, STATES
from demo.conditions.lexer import Token
from demo.conditions.operands import FUNCTIONS, OperandReader
from demo.conditions.patterns import InvalidPattern, check
from demo.conditions.spelling import nearest
from demo.conditions.syntax import (
    RESERVED,
    And,
    Comparison,
    Count,
    Field,
    InState,
    Matches,
    Membership,
    Not,
    Or,
    Tree,
)
from demo.conditions.type_check import check_comparison
from demo.conditions.values import Quantity

MAX_DEPTH = 30
"""Of parentheses, `not` and counts in each other."""

MAX_DURATION_SEC = 7 * 86400.0

SUFFIXES = ("for", "within", "during")
_INSTEAD = {
    "contains": "matches /…/",
    "equals": "==",
    "equal": "==",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "ge": ">=",
    "like": "== pat(…)",
    "isnt": "is not",
    "are": "is",
    "match": "matches",
}


@dataclass(frozen=True, slots=True)
class Suffix:
    """What stands last. `word` is `for`, `within`, `during`, or "" for nothing."""

    word: str = ""
    seconds: float = 0.0
    fault: str = ""
    fault_at: int = 0


class Parser(OperandReader):
    """Reads one condition."""

    def __init__(self, tokens: list[Token]) -> None:
        super().__init__(tokens)
        self._depth = 0
        self._where: list[str] = []
        """The names of nodes whose `where` is being read, the innermost last."""

    def parse(self) -> tuple[Tree, Suffix]:
        if self.at_end():
            raise ConditionError("the condition is empty: write one like status == 200 or redis is up", 0)
        tree = self._or()
        suffix = self._suffix()
        if self.at_end():
            return tree, suffix
        raise self._leftover(suffix)

    def _leftover(self, suffix: Suffix) -> ConditionError:
        token, following = self.here, self.peek
        if suffix.word and self.at_word(*SUFFIXES):
            return ConditionError(f"only one of for, within, during can stand last, and '{suffix.word}' does", token.at)
        if suffix.word:
            return ConditionError(
                f"'{suffix.word}' stands last, over the whole condition, with nothing behind", token.at
            )
        if token.text == ")" and token.kind == "symbol":
            return ConditionError("no '(' was opened for this ')'", token.at)
        if token.kind != "word":
            return ConditionError(f"expected and, or, for, within, during or the end, not {token}", token.at)
        if following.kind == "operator" or following.text in ("is", "in", "matches", "("):
            return ConditionError(f"expected and, or: two comparisons need one of them between, not {token}", token.at)
        hint = nearest(token.text, ("and", "or", *SUFFIXES))
        if self.after_text and not hint:
            hint = f': a text of several words stands in quotes, like "{self.before.text} {token.text}"'
        return ConditionError(f"expected and, or, for, within, during or the end, not {token}{hint}", token.at)

    def _suffix(self) -> Suffix:
        if not self.at_word(*SUFFIXES):
            return Suffix()
        word = self.take().text
        token = self.here
        if word == "during":
            if token.kind not in ("word", "text"):
                raise ConditionError(f"'during' needs the name of a fault, not {token}", token.at)
            return Suffix(word, fault=self.take().text, fault_at=token.at)
        if token.kind != "word":
            raise ConditionError(f"'{word}' needs a time like 3s or 1m30s, not {token}", token.at)
        value = self.literal()
        if not isinstance(value, Quantity) or value.unit != "s":
            hint = f": write {token.text}s or {token.text}ms" if isinstance(value, Quantity) and not value.unit else ""
            raise ConditionError(f"'{word}' needs a time like 3s or 1m30s, not {token}{hint}", token.at)
        if not 0 < value.number <= MAX_DURATION_SEC:
            raise ConditionError(f"'{word}' needs a time above 0 and of at most 7 days, not {token}", token.at)
        return Suffix(word, value.number)

    def _or(self) -> Tree:
        operands = [self._and()]
        while self.at_word("or"):
            self.take()
            operands.append(self._and())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _and(self) -> Tree:
        operands = [self._not()]
        while self.at_word("and"):
            self.take()
            operands.append(self._not())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _deeper(self, at: int) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ConditionError(f"this is nested deeper than {MAX_DEPTH} levels: write it in several conditions", at)

    def _not(self) -> Tree:
        token = self.here
        if self.at_word("not"):
            self._deeper(self.take().at)
            tree: Tree = Not(self._not())
        elif token.kind == "symbol" and token.text == "(":
            self._deeper(self.take().at)
            tree = self._or()
            self.close(token, SUFFIXES)
        else:
            return self._atom()
        self._depth -= 1
        return tree

    def _atom(self) -> Tree:
        token, following = self.here, self.peek
        stands_alone = following.kind == "end" or (following.kind == "symbol" and following.text == ")")
        if self.at_word(ALL) and (stands_alone or (following.kind == "word" and following.text not in RESERVED)):
            self._not_in_where("all", token.at)
            self.take()
            if following.text not in STATES and self.peek.kind == "word" and self.peek.text in STATES:
                hint = f"write '{following.text} is {self.peek.text}'"
                raise ConditionError(f"'all' means every expected node: {hint} for those of {following.text}", token.at)
            return InState(ALL, self._state(), at=token.at)
        if token.kind in ("word", "text") and following.kind == "word" and following.text == "is":
            return self._in_state()
        if token.kind == "word" and token.text == "count" and following.text == "(" and following.kind == "symbol":
            left: Field | Count = self._count()
        else:
            left = self.left()
        return self._relation(left, token)

    def _in_state(self) -> InState:
        token = self.name("the name of a node, probe or group")
        self._not_in_where(f"{token.text} is", token.at)
        self.take()
        negated = self.at_word("not")
        if negated:
            self.take()
        return InState(token.text, self._state(), negated, at=token.at)

    def _not_in_where(self, what: str, at: int) -> None:
        if self._where:
            inner = self._where[-1]
            raise ConditionError(
                f"'{what}' cannot stand here: 'where' asks for fields of each of {inner}, like role == x", at
            )

    def _state(self) -> str:
        token = self.here
        if token.kind == "word" and token.text in STATES:
            return self.take().text
        if token.kind == "word" and token.text == "unknown":
            raise ConditionError(
                "'unknown' is not a state to ask for: an unknown node is neither up, degraded nor down", token.at
            )
        hint = nearest(token.text, STATES) if token.kind == "word" else ""
        compare = "; compare a value with ==" if token.kind in ("word", "text") and not hint else ""
        raise ConditionError(f"expected up, degraded or down, not {token}{hint}{compare}", token.at)

    def _count(self) -> Count:
        token = self.take()
        self._not_in_where("count", token.at)
        self._deeper(token.at)
        opening = self.take()
        name, following = self.here, self.peek
        plain = following.kind == "symbol" and following.text == ")" and name.kind in ("word", "text")
        apart = following.kind == "word" and following.at > name.end
        if plain or (apart and following.text not in ("in", "not", "matches")):
            counted = Count(self.name("the name of nodes").text, self._filter(name.text), at=name.at)
        else:
            counted = self._short_count()
        state = self._state() if self.here.kind == "word" and not self.at_word(*SUFFIXES) else ""
        self.close(opening, SUFFIXES)
        self._depth -= 1
        return Count(counted.name, counted.where, state, counted.short, counted.at)

    def _filter(self, name: str) -> Tree | None:
        if not self.at_word("where"):
            return None
        self.take()
        self._where.append(name)
        tree = self._or()
        self._where.pop()
        return tree

    def _short_count(self) -> Count:
        token = self.here
        path = self.left()
        if len(path.parts) < 2:
            raise ConditionError(
                f"expected a field of {path}, as in count({path}.role == leader), or count({path} up)", self.here.at
            )
        name, *rest = path.parts
        at = token.end - len(".".join(rest)) if token.kind == "word" else token.at
        inner = Field(tuple(rest), path.function, at=at)
        self._where.append(name)
        relation = self._relation(inner, token)
        self._where.pop()
        return Count(name, relation, short=True, at=token.at)

    def _relation(self, left: Field | Count, first: Token) -> Tree:
        token = self.here
        if token.kind == "operator":
            return self._comparison(left, first.at)
        if self.at_word("in") or (self.at_word("not") and self.peek.text == "in"):
            negated = self.take().text == "not"
            if negated:
                self.take()
            return Membership(left, self.choices("in", left), negated, at=first.at)
        if self.at_word("matches"):
            return self._matches(left, first.at)
        if isinstance(left, Field) and left.function == PRESENCE:
            return Comparison(left, "==", True, at=first.at)
        raise self._no_relation(left, token)

    def _comparison(self, left: Field | Count, at: int) -> Tree:
        operator = self.take()
        function = self.here.text if self.here.kind == "word" and self.peek.text == "(" else ""
        if function in ("any", "pat"):
            if operator.text not in ("==", "!="):
                raise ConditionError(f"{function}(…) goes with == or !=, not with {operator}", operator.at)
            choices = self.choices("any", left) if function == "any" else (self.glob(left),)
            return Membership(left, choices, operator.text == "!=", at=at)
        token = self.here
        value = self.literal(milliseconds=first_is_gatus_time(left))
        check_comparison(left, operator.text, value, token.at)
        return Comparison(left, operator.text, value, at=at)

    def _matches(self, left: Field | Count, at: int) -> Matches:
        word = self.take()
        token = self.here
        if isinstance(left, Count) or left.function:
            raise ConditionError(f"{left} is not a text that could match a regular expression", word.at)
        if token.kind != "regex":
            raise ConditionError(
                f"'matches' needs a regular expression between slashes, like /ERR.*/, not {token}", token.at
            )
        try:
            check(token.text)
        except InvalidPattern as error:
            raise ConditionError(str(error), token.at + 1 + error.offset) from None
        self.take()
        return Matches(left, token.text, bool(token.flags), at=at)

    def _no_relation(self, left: Field | Count, token: Token) -> ConditionError:
        if token.kind == "word" and token.text in _INSTEAD:
            return ConditionError(f"write {_INSTEAD[token.text]!r} instead of {token.text!r}", token.at)
        if token.kind == "word" and token.text in STATES and isinstance(left, Field):
            return ConditionError(f"the word 'is' is missing: write '{left} is {token.text}'", token.at)
        if self.at_word("is"):
            return ConditionError(f"'is' asks for the state of nodes; compare {left} with ==", token.at)
        hint = nearest(token.text, ("matches", "in", "is")) if token.kind == "word" else ""
        word = left.parts[0] if isinstance(left, Field) and left.parts else ""  # A bare p(95) has no name.
        if word in FUNCTIONS and token.kind in ("word", "text"):
            return ConditionError(f"expected ( after '{word}': write {word}({token.text} …)", token.at)
        example = f"{left} >= 1" if isinstance(left, Count) else f"{left} == … or {left} is up"
        if isinstance(left, Field) and left.function:
            example = f"{left} == …"
        return ConditionError(f"expected a comparison after {left}, like {example}, not {token}{hint}", token.at)


def first_is_gatus_time(left: Field | Count) -> bool:
    """Return whether a bare number on the right means milliseconds, as in Gatus' `[RESPONSE_TIME] < 300`."""
    return isinstance(left, Field) and left.gatus and left.parts == ("latency",)
