"""Nets: deploys under faults, kills and races, by the hundred here and by the thousand at night."""
