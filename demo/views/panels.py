"""The panels of a chapter, as every screen shows them."""

from dataclasses import dataclass, replace

from demo.panels.picture import MAX_PANELS, PanelPicture, Panels
from demo.types import Chapter
from demo.views.redaction import masked


@dataclass(frozen=True, slots=True)
class PanelsView:
    """The pictures of a chapter's panels, in its order. `are_large`: they take the place of the system."""

    pictures: tuple[PanelPicture, ...] = ()
    are_large: bool = False

    def at(self, place: int) -> PanelPicture | None:
        """Return the picture at a place, 0-based; None where there is none."""
        return self.pictures[place] if place < len(self.pictures) else None


def panels_view(chapter: Chapter, panels: Panels | None, *, private: bool) -> PanelsView:
    """Return the panels of a chapter. What they print is shown as it is; addresses in our own notes are masked."""
    if panels is None or not chapter.panels:
        return PanelsView()
    found = (panels.picture(name) for name in chapter.panels[:MAX_PANELS])
    pictures = tuple(picture for picture in found if picture is not None)
    if not private:
        pictures = tuple(
            picture if masked(picture.note) == picture.note else replace(picture, note=masked(picture.note))
            for picture in pictures
        )
    return PanelsView(pictures, chapter.has_large_panels)
