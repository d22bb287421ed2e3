"""The local Astro over HTTP."""
