"""The terminal: options, one run of the command line, signals."""
