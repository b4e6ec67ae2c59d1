"""Teachers over recordings: which pictures, what they say, whether to believe it; resumable, on one machine or many."""
