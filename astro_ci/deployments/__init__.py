"""Connect to Astro; find, list and change Deployments."""
