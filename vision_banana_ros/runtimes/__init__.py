"""What runs a trained network: one file a library, the choice among them, and the self-check."""
