"""The systems that a show can be about, and how they are found: `demo.subjects.registry`.

Nothing is imported here: the processes of a system are modules of this package too, and start sooner without.
"""
