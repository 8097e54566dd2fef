"""`demo doctor`: looks at what a show needs on this machine. Starts no system, pulls nothing, changes nothing."""
