"""Checks of the project before a deploy: static, parse and pytest. None runs what it reads here."""
