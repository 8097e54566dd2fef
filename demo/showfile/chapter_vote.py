"""What a chapter of a show file puts to the vote."""

from demo.ballots.vote import Vote
from demo.showfile.schema.chapters import ChapterSettings, VoteSettings


def vote_of(settings: ChapterSettings) -> Vote | None:
    """Return the vote of a chapter, None for none. Raises `InvalidValue` for one that cannot be shown or answered."""
    written = settings.vote
    if not written:
        return None
    if not isinstance(written, VoteSettings):
        return Vote()
    usual = Vote()
    return Vote(
        question=written.question or usual.question,
        options=() if written.asks_number else written.options or usual.options,
        hidden=written.hidden,
        predicted=written.predicted or "",
        unit=written.unit or ("s" if written.measure else ""),
        measure=written.measure or "",
    )
