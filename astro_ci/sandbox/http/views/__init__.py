"""What the local Astro remembers, in the words of the API document."""
