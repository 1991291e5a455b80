"""What the use cases need from the outside, one module a context."""
