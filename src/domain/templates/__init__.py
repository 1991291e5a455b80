"""Templates: what Meta allows one to write, and what becomes of it there."""
