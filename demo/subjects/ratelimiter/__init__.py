"""The rate limiter: a real Redis, three limiter nodes, a backend that measures over-admissions, and traffic.

Nothing is imported here, because its processes import this package, too, and must start fast.
"""
