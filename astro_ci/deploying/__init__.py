"""Act on a Plan."""
