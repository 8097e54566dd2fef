"""A proxy of a show file that other machines can reach is warned of; the show may be presented."""

from tests.showfile.checked_shows import load, show_text


def test_only_a_proxy_that_others_can_reach_is_warned_of_where_it_is_written() -> None:
    front = "proxies:\n  db: {listen: '0.0.0.0:6380', to: '10.0.0.7:6379'}\n  own: {listen: '127.0.0.1:1', to: 'h:1'}\n"
    show, problems = load(show_text(front))
    assert show is not None
    assert [(problem.severity, problem.position.line) for problem in problems] == [("warning", 3)]
    assert "proxy 'db' listens on 0.0.0.0:6380: whoever reaches that address" in problems[0].message
