"""Edits of a show file while it is presented: noticed, checked, and taken over by the running show."""
