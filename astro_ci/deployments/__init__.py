"""Find the Deployment."""
