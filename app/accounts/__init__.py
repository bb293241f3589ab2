"""Accounts: who you are, what is kept about you, export and deletion."""
