"""Astro: credentials, the API, and the blob store."""
