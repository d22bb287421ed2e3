"""Read the Astro project on disk, and decide which of its files ship."""
