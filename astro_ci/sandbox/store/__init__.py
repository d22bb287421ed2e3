"""What the local Astro keeps on disk."""
