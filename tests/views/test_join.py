"""How the audience opens the stage: the address on the cover and on the closed curtain."""

import pytest

from demo.views.join import join_view, joined_text


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://demo.example/", "demo.example"),
        ("https://demo.example/talks/", "demo.example/talks"),
        ("http://192.168.1.5:8000/", "192.168.1.5:8000"),
        ("http://[fd00::2]:8000/", "[fd00::2]:8000"),
        # Typed without its scheme, a browser would ask such a port in plain http.
        ("https://demo.example:8443/", "https://demo.example:8443"),
        ("https://[fd00::2]/", "[fd00::2]"),
    ],
)
def test_the_address_is_what_people_type(url: str, place: str) -> None:
    view = join_view(url)
    assert view is not None
    assert (view.url, view.place) == (url, place)


def test_without_an_address_there_is_nothing_to_join() -> None:
    assert join_view("") is None


def test_the_projector_alone_is_no_audience() -> None:
    assert [joined_text(pages) for pages in (0, 1, 2, 5000)] == ["", "", "2", "5000"]
