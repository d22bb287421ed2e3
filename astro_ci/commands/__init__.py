"""The verbs: each module is one command, a function that the command line and a library call."""
