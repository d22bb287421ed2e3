"""Read images without an engine: from an archive, a directory, or a registry."""
