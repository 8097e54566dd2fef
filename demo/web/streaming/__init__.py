"""Live views over server-sent events: slots, sinks, pace, and single pictures where no stream gets through."""
