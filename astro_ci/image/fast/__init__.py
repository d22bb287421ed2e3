"""Make an image without a build: the running image, with its code layer replaced."""
