"""What is asked for by HTTP: commands, pairing, metrics, files, and their descriptions."""
