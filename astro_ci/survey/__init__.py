"""Examine the checkout and the running deploys, and make the Plan."""
