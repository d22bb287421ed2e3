"""The Astro project on disk."""
