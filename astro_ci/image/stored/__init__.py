"""Images that are read without an engine: in an archive, in a directory, or in a registry."""
