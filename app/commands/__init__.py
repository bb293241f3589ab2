"""The bodies of the commands that need no server, each a module of its own."""
