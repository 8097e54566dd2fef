"""The pages' own words in the language of the deck. Their English is the key of each language's catalogue."""

from demo.texts.catalogue import ENGLISH, Catalogue, find_catalogue, has_texts, languages
from demo.texts.translation import (
    current_catalogue,
    localize_number,
    mark_text,
    translate,
    translate_count,
    translate_marked,
    use_language,
)

__all__ = [
    "ENGLISH",
    "Catalogue",
    "current_catalogue",
    "find_catalogue",
    "has_texts",
    "languages",
    "localize_number",
    "mark_text",
    "translate",
    "translate_count",
    "translate_marked",
    "use_language",
]
