"""What the local Astro does."""
