"""Tuning a generator to the paper's prompts at a low ratio, and keeping it a generator.

A base is an editing pipeline of one of three families (bases/). It learns from lessons: a prompt, the picture that goes
in (or none) and the one that should come out. A share of them are instructions whose answers are canvases; the others
are the base's own work: captions, edits, and what the base itself painted before (replay).
"""
