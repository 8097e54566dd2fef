"""The security headers of every response, streams included."""

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: with it Firefox and Safari send `Origin: null` with our own pages' POST, which is then refused.
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
