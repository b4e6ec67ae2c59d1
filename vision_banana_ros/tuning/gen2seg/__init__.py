"""Generative models that learn to colour instances of a few kinds, judged on kinds that they never saw (gen2seg)."""
