"""What is right, and how close is close: random cases, oracles, derived error bounds, the comparison."""
