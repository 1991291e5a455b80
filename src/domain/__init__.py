"""What is true about the business: frozen values and pure functions."""
