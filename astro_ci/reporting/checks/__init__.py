"""Findings of checks, as people, CI systems and other programs read them."""
