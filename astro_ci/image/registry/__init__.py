"""Push the image."""
