"""Everything that paints: the oracle paints the truth, the student what it learnt."""
