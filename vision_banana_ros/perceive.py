"""Frame -> Perception."""
