"""What subjects share that are clusters in containers: compose, watching, load with proof, and the acts of a story."""
