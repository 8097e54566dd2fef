"""What a chapter's text may hold beside words: images by their content, and code that is shown in steps. No markup."""

from demo.narration.code_info import CodeInfo, parse_code_info
from demo.narration.code_steps import TextStep, read_steps
from demo.narration.image import (
    MAX_IMAGES_BYTES,
    DeckImage,
    HasImages,
    find_image_names,
    images_of,
    is_image_name,
    make_image,
)

__all__ = [
    "MAX_IMAGES_BYTES",
    "CodeInfo",
    "DeckImage",
    "HasImages",
    "TextStep",
    "find_image_names",
    "images_of",
    "is_image_name",
    "make_image",
    "parse_code_info",
    "read_steps",
]
