"""Read images from registries, and push images to them."""
