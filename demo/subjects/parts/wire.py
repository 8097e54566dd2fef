"""What the processes of a subject agree on to talk to each other."""

HOST = "127.0.0.1"
TOKEN_HEADER = "X-Show"  # noqa: S105 - a header's name
