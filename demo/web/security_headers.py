"""The headers that every answer carries, streams included."""

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: under it Firefox and Safari name the origin of a page's own POST `null`, and it is refused.
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
