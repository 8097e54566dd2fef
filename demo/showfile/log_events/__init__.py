"""The events of a show file: lines of a log that become lines of the show's log, and marks of its curves."""
