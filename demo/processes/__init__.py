"""The operating-system processes a subject consists of: started, identified, supervised, and their ports."""
