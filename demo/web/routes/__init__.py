"""The HTTP routes: commands, pairing, metrics and static files, and their description in OpenAPI."""
