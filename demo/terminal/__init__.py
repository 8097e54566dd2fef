"""The show in a terminal: keys become commands, states become a picture, or plain lines in a pipe."""
