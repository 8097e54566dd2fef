"""Addresses and secrets of receivers: what is accepted, what is refused, and that no message shows a secret."""

import base64

import pytest

from demo.errors import UsageError
from demo.notify.notifying import describe_receivers
from demo.notify.receivers import SECRET, TOKEN, read_address, read_receivers

KEY = b"k" * 32
GOOD = f"whsec_{base64.b64encode(KEY).decode()}"
HIDDEN = "swordfish"


def test_secrets_are_read_once_and_no_process_of_the_show_inherits_them() -> None:
    environ = {SECRET: GOOD, TOKEN: "glsa_abc", "DEMO_WEBHOOK": "https://x:y@z", "PATH": "/bin"}
    receivers = read_receivers("https://grafana.example", ["https://a.example/hook"], environ)
    assert environ == {"PATH": "/bin"}
    assert receivers.key == KEY
    assert receivers.grafana is not None
    assert receivers.grafana.address.authorization == "Bearer glsa_abc"
    assert "glsa_abc" not in repr(receivers)
    assert GOOD[10:] not in repr(receivers)


@pytest.mark.parametrize(
    "url",
    [
        f"https://anna:{HIDDEN}@hooks.example:8443/in",
        f"https://hooks.example:8443/services/{HIDDEN}",
        f"https://hooks.example:8443/?token={HIDDEN}",
    ],
)
def test_a_url_is_shown_without_what_may_be_secret_in_it(url: str) -> None:
    receivers = read_receivers(None, [url], {SECRET: GOOD})
    shown = [*describe_receivers(receivers), repr(receivers), str(receivers.webhooks[0])]
    assert shown[0] == "webhook    https://hooks.example:8443/…"
    assert not any(HIDDEN in text for text in shown)


def test_credentials_of_a_url_are_sent_as_a_header_and_not_in_the_url() -> None:
    address = read_address("--webhook", "https://anna:sword%40fish@[::1]:8443/in?x=1#there")
    assert address.url == "https://[::1]:8443/in?x=1"
    assert address.authorization == f"Basic {base64.b64encode(b'anna:sword@fish').decode()}"


@pytest.mark.parametrize(
    "url",
    [
        f"ftp://x:{HIDDEN}@a.example/",
        f"file:///etc/{HIDDEN}",
        f"a.example/{HIDDEN}",
        f"http:///{HIDDEN}",
        f"http://x:{HIDDEN}@a.example:port/",
        f"http://[::1/{HIDDEN}",
        f"http://a.example/a b{HIDDEN}",
        "",
    ],
)
def test_what_is_no_http_url_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read_receivers(None, [url], {SECRET: GOOD})
    assert str(refusal.value).startswith("--webhook ")
    assert HIDDEN not in str(refusal.value)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_" + "a" * 20, f"whsec_{HIDDEN}!", GOOD + "=", "whsec_" + "A" * 96]
)
def test_a_webhook_needs_a_secret_of_the_right_form_and_the_refusal_says_how_to_make_one(secret: str) -> None:
    with pytest.raises(UsageError, match="openssl rand -base64 32") as refusal:
        read_receivers(None, ["https://a.example"], {SECRET: secret})
    assert HIDDEN not in str(refusal.value)


def test_a_secret_without_webhooks_is_of_no_interest() -> None:
    assert read_receivers(None, [], {SECRET: "nonsense"}).is_empty


NEW = "/apis/annotation.grafana.app/v0alpha1"


@pytest.mark.parametrize(
    ("given", "api", "path"),
    [
        ("", "legacy", "/api/annotations"),
        ("/", "legacy", "/api/annotations"),
        ("/grafana/", "legacy", "/grafana/api/annotations"),
        ("/api/annotations", "legacy", "/api/annotations"),
        (NEW, "app-platform", f"{NEW}/namespaces/default/annotations"),
        (f"{NEW}/namespaces/stacks-12", "app-platform", f"{NEW}/namespaces/stacks-12/annotations"),
        (f"/sub{NEW}/namespaces/org-2/annotations/", "app-platform", f"/sub{NEW}/namespaces/org-2/annotations"),
    ],
)
def test_the_url_says_which_of_grafanas_apis_is_meant(given: str, api: str, path: str) -> None:
    grafana = read_receivers(f"http://grafana.example:3000{given}", [], {}).grafana
    assert grafana is not None
    assert (grafana.api, grafana.address.url) == (api, f"http://grafana.example:3000{path}")


@pytest.mark.parametrize("path", ["?orgId=2", "/apis/annotation.grafana.app/", f"{NEW}/namespaces/default/tags"])
def test_a_url_that_is_none_of_grafanas_annotations_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"^--annotate "):
        read_receivers(f"http://grafana.example{path}", [], {})


def test_a_token_that_would_break_a_header_is_refused_without_being_quoted() -> None:
    with pytest.raises(UsageError) as refusal:
        read_receivers("http://grafana.example", [], {TOKEN: f"{HIDDEN}\r\nX: y"})
    assert HIDDEN not in str(refusal.value)
