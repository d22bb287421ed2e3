"""The bodies of API responses, made from the sandbox's records."""
