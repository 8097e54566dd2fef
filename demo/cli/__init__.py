"""The command line: `demo serve`, `run`, `relay`, `up`, `down`, `heal`, `doctor` and `shows`."""
