"""How long things last."""

from datetime import timedelta

ACCESS_LIFE = timedelta(minutes=15)
REFRESH_LIFE = timedelta(days=30)
"""Of a sign-in as a whole, however often it is refreshed."""
RESET_LIFE = timedelta(minutes=30)
SIGN_IN_LIFE = timedelta(minutes=10)
"""Of the way through somebody else's sign-in page and back."""
INVITATION_LIFE = timedelta(days=7)
API_KEY_LIFE = timedelta(days=365)
"""Of an API key, when nothing else is said; also the longest."""
