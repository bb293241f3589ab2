"""The command line: what a person types."""

import click


@click.group()
def main() -> None:
    """Practise debugging a transformer, live, against the clock."""
