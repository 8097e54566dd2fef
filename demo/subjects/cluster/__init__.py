"""What subjects in containers share."""
