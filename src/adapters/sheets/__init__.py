"""Files of rows: what they are is found out, and nothing of them can surprise half-way."""
