"""What the stores of teams promise, on every engine."""
