"""What `demo doctor` checks of a show file: what it needs here, and what answers."""
