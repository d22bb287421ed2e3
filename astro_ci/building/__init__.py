"""Build an image for a later job: look at the checkout, build and check it, and keep the image."""
