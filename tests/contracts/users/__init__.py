"""What the stores of users promise, on every engine; and their other ports."""
