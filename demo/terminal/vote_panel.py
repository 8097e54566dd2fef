"""The vote of the audience in the place of the system: the question, its answers as bars, and how many have voted."""

from rich.text import Text

from demo.terminal.row_layout import Block, Row, RowLayout, Rows, stack
from demo.terminal.style import BLUE, TEAL, parts
from demo.views.ballots import AnswerView, TallyView

MOST_NAME, LEAST_BAR = 28, 8
"""Cells of an answer's text at most, and of its bar at least."""

_NUMBERS = 13


def draw_vote(canvas: RowLayout, tally: TallyView, size: tuple[int, int]) -> Rows:
    """Draw the vote as it may be known now, in at most `size` (columns, rows)."""
    width, height = size
    question = canvas.rows(parts((tally.question, "bold")), width)
    name = min(MOST_NAME, max((Text(answer.text).cell_len for answer in tally.answers), default=0) + 2)
    answers = [_draw_answer(canvas, answer, width, name) for answer in tally.answers]
    foot = canvas.rows(_describe_votes(tally), width)
    outcome = canvas.rows(parts((tally.outcome, "bold")), width) if tally.outcome else []
    blocks = [
        Block(question, rank=2),
        Block(answers, rank=1, least=2, gap=True),
        Block(foot, rank=0, gap=True),
        Block(outcome, rank=1, gap=True),
    ]
    return stack(blocks, min(height, sum(block.wish for block in blocks)), width)


def _draw_answer(canvas: RowLayout, answer: AnswerView, width: int, name: int) -> Row:
    shape = "✓" if answer.is_right else " "
    head = parts((f"{shape} ", f"bold {TEAL}"), (answer.text, "bold" if answer.is_right else ""))
    head.truncate(name + 2, overflow="ellipsis", pad=True)
    if answer.percent is None:
        return canvas.row(head, None, width)
    numbers = parts((f"{answer.percent:>5} %", "bold"), (f"{answer.votes or 0:>6}", "dim"))
    room = width - head.cell_len - _NUMBERS - 1
    if room >= LEAST_BAR:
        filled = round(room * answer.percent / 100)
        head.append("█" * filled, TEAL if answer.is_right else BLUE).append("·" * (room - filled), "dim")
    return canvas.row(head, numbers, width)


def _describe_votes(tally: TallyView) -> Text:
    text = parts((f"{tally.votes} vote{'' if tally.votes == 1 else 's'}", "bold"))
    status = ("still open, counted when it closes" if tally.is_hidden else "still open") if tally.is_open else "closed"
    text.append(f" · {status}", "dim")
    if tally.asks_number and tally.summary:
        text.append_text(parts((f" · {tally.summary}", "")))
    return text
