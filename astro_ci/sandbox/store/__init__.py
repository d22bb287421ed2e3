"""The state of the local Astro on disk."""
