"""The behaviour of the local Astro."""
