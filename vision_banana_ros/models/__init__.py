"""A trained model as a folder of files: its manifest, reading it, and making one from a network."""
