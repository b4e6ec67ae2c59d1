"""The distilled one-step generator: prompts as paint boxes, the network, its text table, its file format."""
