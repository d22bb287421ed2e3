"""The configuration file `astro-ci.yaml`: found, read, and turned into Configs."""
