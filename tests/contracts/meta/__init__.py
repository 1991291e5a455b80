"""Meta's OpenAPI file (MIT, see the licence beside it), repaired at load, and what it says of a call."""
