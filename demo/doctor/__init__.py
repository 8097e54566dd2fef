"""`demo doctor`: checks what a show needs on this machine. Starts no system, pulls no image, changes nothing."""
