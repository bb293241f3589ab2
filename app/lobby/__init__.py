"""The first page: it knows the attempts and the history, and nothing knows it but the app."""
