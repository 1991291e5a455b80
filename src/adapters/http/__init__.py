"""The HTTP service: controllers, the envelope, the error table."""
