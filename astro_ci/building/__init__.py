"""Build an image for a later job: read the checkout, build, check and keep the image."""
