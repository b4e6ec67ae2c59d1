"""Judging generators: metrics, frame folders, baselines, intervals. The same evaluator for every generator."""
