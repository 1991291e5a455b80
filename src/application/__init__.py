"""What one can do: use cases, standing on ports alone."""
