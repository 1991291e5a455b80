"""The one door to Meta: sending, hearing, and what was said."""
