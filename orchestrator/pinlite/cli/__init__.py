"""The command line: a command a file, each a thin step from options to calls."""
