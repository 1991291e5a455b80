"""SQL stores. The same SQLAlchemy Core statements run on MySQL, MariaDB and SQLite."""
