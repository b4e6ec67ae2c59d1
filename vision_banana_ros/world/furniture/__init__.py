"""Objects, written once: each function draws its dimensions, says its footprint and returns a `Piece` to be drawn."""
