"""Live views over server-sent events: stream slots, sinks, update rate, and polling where no stream gets through."""
