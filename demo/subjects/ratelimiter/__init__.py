"""The embedded rate limiter: a real Redis, three limiter nodes, a backend that counts the truth, and traffic.

Empty on purpose: its processes import this package too, and must start fast.
"""
