"""What an organisation can do with its contacts, and what the other contexts may ask of them."""
