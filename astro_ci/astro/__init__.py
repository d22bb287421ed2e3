"""The platform: credentials, the API, the blob store."""
