"""The web front end: pages, streams, controls and the rules of access. Knows no fault driver."""
