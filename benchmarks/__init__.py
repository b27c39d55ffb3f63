"""What things cost, as ratios measured in one run; no test asserts a time."""
