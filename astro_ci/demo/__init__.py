"""The guided run on a local Astro."""
