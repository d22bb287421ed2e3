"""The commands for CI systems' logs: groups, masks, annotations, outputs, summaries.

This package has the common parts and the plain dialect; other dialects are with their systems.
"""
