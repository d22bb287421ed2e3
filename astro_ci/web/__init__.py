"""One HTTP ground: sessions, retries, and how a failure is described."""
