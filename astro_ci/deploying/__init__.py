"""Act on a Plan: make the artifacts, create the deploy, send, finalize and wait."""
