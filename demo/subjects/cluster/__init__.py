"""What all subjects that are replicated clusters share: deployment, polling, verified load, and chapter actions."""
