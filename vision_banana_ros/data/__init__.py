"""Frames with what is known about them, wherever they come from."""
