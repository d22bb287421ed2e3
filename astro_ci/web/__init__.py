"""The HTTP basis of all clients: sessions, retries, and descriptions of failures."""
