"""The web front end: pages, streams, control routes and access rules. It knows no fault driver."""
