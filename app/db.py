"""The database: one writer, several readers."""
