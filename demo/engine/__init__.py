"""The container engine: where it is, what it says of its containers, and what it is asked to do to them."""
