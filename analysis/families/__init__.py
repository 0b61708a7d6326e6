"""Model architectures that work, each tried on a tiny random model of its own class."""
