"""nav_msgs for machines without it: no wheel of it exists."""
