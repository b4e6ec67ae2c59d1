"""One file a format: folders, shards, recordings, the published sets."""
