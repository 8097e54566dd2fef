"""`demo relay`: a server for the audience only, which follows a show over Redis."""
