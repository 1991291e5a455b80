"""Contacts in SQL: tables, stores and readers, the same on MySQL, MariaDB and SQLite."""
