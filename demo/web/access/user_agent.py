"""Names a device by its User-Agent. Only words of these tables are shown, never text of the header itself."""

# The order matters: Android devices also call themselves Linux.
_DEVICES = (
    ("iphone", "iPhone"),
    ("ipad", "iPad"),
    ("android", "Android"),
    ("cros", "Chromebook"),
    ("macintosh", "Mac"),
    ("windows", "Windows"),
    ("linux", "Linux"),
)
# The order matters: Edge, Opera and Samsung Internet also call themselves Chrome, and nearly all of them Safari.
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


def describe_device(user_agent: str) -> str:
    """Describe a device and its browser, as in "iPhone Safari"; "some device" where neither is known."""
    text = user_agent[:400].lower()
    machine = next((name for mark, name in _DEVICES if mark in text), "")
    browser = next((name for mark, name in _BROWSERS if mark in text), "")
    return " ".join(part for part in (machine, browser) if part) or "some device"
