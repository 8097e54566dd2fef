"""From what a show file says of a probe to what its answers say of nodes. The board of all probes is one floor up."""
