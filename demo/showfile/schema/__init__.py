"""The schema of a show file: Pydantic models of its front matter and of its chapters' settings."""
