"""Pictures of what was perceived, for people."""
