"""A TCP proxy of our own, in a process of its own: faults of a connection happen in it, by Toxiproxy's names."""
