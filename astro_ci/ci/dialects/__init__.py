"""How to speak to a CI system's log: groups, masks, annotations, outputs, summaries.

Here is what the dialects share, and the plain one; those of single systems are with their system.
"""
