"""Report the result of a run to people and programs."""
