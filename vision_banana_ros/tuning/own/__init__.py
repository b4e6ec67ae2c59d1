"""A base of our own: a diffusion transformer on small pictures, trained on the world alone, small enough for two cores.

pairs.py renders what it learns from, network.py is the transformer, training.py trains it, experiment.py is the paper's
experiment in small (docs/tuning.md).
"""
