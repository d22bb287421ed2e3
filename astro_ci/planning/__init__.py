"""Decide what to deploy: pure, no I/O."""
