"""Training: one loop, the tasks it serves, what it measures, and what it leaves on disk."""
