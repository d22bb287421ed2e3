"""Build the image."""
