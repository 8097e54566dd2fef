"""A device in words we know, found in its User-Agent. Nothing of the header itself is ever shown."""

_DEVICES = (
    ("iphone", "iPhone"),
    ("ipad", "iPad"),
    ("android", "Android"),
    ("cros", "Chromebook"),
    ("macintosh", "Mac"),
    ("windows", "Windows"),
    ("linux", "Linux"),
)
_BROWSERS = (
    (" edg", "Edge"),
    ("opr/", "Opera"),
    ("samsungbrowser", "Samsung Internet"),
    ("fxios", "Firefox"),
    ("firefox", "Firefox"),
    ("crios", "Chrome"),
    ("chrome", "Chrome"),
    ("safari", "Safari"),
    ("curl/", "curl"),
)


def device(user_agent: str) -> str:
    """As in "iPhone Safari"; "some device" where nothing is known."""
    text = user_agent[:400].lower()
    what = next((word for mark, word in _DEVICES if mark in text), "")
    browser = next((word for mark, word in _BROWSERS if mark in text), "")
    return " ".join(part for part in (what, browser) if part) or "some device"
