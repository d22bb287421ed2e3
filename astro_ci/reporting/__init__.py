"""Tell people and programs what a run did."""
