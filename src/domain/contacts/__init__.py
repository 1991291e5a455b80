"""Contacts: the people an organisation writes to, their groups, their wishes, and files of them."""
