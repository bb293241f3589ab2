"""The command line: what a person types. Each command imports what it needs when it is called."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from app.errors import BadInput, NotFound, OverfitError

UNUSABLE, OUR_FAULT = 2, 3


class Commands(click.Group):
    """A group that says the project's own errors in two lines, with the exit status that scripts rely on."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except OverfitError as error:
            click.echo(f"Error: {error.message}", err=True)
            if error.hint:
                click.echo(error.hint, err=True)
            sys.exit(UNUSABLE if isinstance(error, BadInput | NotFound) else OUR_FAULT)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="overfit", prog_name="overfit")
def main() -> None:
    """Practise debugging a transformer, live, against the clock."""


@main.command()
@click.option("--host", help="The address to listen on (127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="The port to listen on (8000); 0 takes a free one."
)
def serve(host: str | None, port: int | None) -> None:
    """Open the site: SQLite, an in-process queue and a local sandbox, in one process."""
    from app.serve import serve as serve_site
    from app.settings import Settings

    given = {"host": host, "port": port}
    changed = {name: value for name, value in given.items() if value is not None}
    sys.exit(serve_site(Settings().model_copy(update=changed)))


@main.command()
@click.option("--problem", default="gpt", show_default=True, help="The problem to draw from.")
@click.option("--tier", help="The rules that the bugs are drawn by; a follow-up's own start without it.")
@click.option("--shape", help="The clean program that the starter is cut from; the problem's first.")
@click.option("--seed", type=click.IntRange(min=0), help="Draws the same starter again.")
@click.option("--bugs", default="", help="Bugs by name, separated by commas, instead of the tier's draw.")
@click.option("--marks/--no-marks", default=None, help="Whether comments name the regions that hold bugs.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file to write (gpt.py); - for stdout."
)
def new(bugs: str, **wishes: Any) -> None:
    """Write a starter for your own editor."""
    from app.commands.new import Wish
    from app.commands.new import new as write_new
    from app.settings import Settings

    names = tuple(name.strip() for name in bugs.split(",") if name.strip())
    click.echo(write_new(Settings(), Wish(bugs=names, **wishes)))


@main.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@click.option(
    "--problem", default="gpt", show_default=True, help="What files without a header are judged as."
)
@click.option("--json", "as_json", is_flag=True, help="A verdict a line, as JSON.")
@click.option("--reveal", is_flag=True, help="Name the bugs; without it they are numbered.")
def check(files: Sequence[Path], problem: str, as_json: bool, reveal: bool) -> None:
    """Examine files: 0 all passed, 1 some failed, 2 unusable arguments, 3 our fault."""
    from app.commands.check import Manner
    from app.commands.check import check as check_files
    from app.settings import Settings

    manner = Manner(as_json=as_json, reveal=reveal)
    sys.exit(asyncio.run(check_files(Settings(), files, problem=problem, manner=manner, say=click.echo)))


@main.group()
def problems() -> None:
    """Work on the problem packs."""


@problems.command("check")
@click.argument("slugs", nargs=-1)
@click.option("--bug", "bugs", multiple=True, metavar="ID", help="Prove this bug alone; may be given again.")
@click.option("--drawn", type=click.IntRange(1, 1000), help="Variants of each tier to repair: 8, or 60.")
@click.option(
    "--thorough", is_flag=True, help="Also judge what says the same in other words, right and wrong."
)
@click.option("--json", "as_json", is_flag=True, help="A finding a line, as JSON.")
def check_problems(
    slugs: Sequence[str], bugs: Sequence[str], drawn: int | None, thorough: bool, as_json: bool
) -> None:
    """Prove a pack: every bug alive, every right program accepted, nothing judged wrongly fixed."""
    from app.commands.problems import Scope, check_packs
    from app.settings import Settings

    scope = Scope(bugs=tuple(bugs), drawn=drawn, thorough=thorough)
    sys.exit(asyncio.run(check_packs(Settings(), slugs, scope=scope, as_json=as_json, say=click.echo)))


@main.command()
@click.option("--quiet", is_flag=True, help="Say nothing when there is nothing to do.")
@click.pass_context
def assets(context: click.Context, quiet: bool) -> None:
    """Fill the local copy of the browser's libraries, hashes verified."""
    from app.assets import command

    context.invoke(command, quiet=quiet)


@main.command()
def doctor() -> None:
    """Say what this machine gives the judge, layer by layer: 0 well confined, 1 limits alone, 3 no judge."""
    from app.commands.doctor import doctor as examine_host
    from app.settings import Settings

    sys.exit(asyncio.run(examine_host(Settings(), say=click.echo)))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="A row a line, as JSON.")
def bench(as_json: bool) -> None:
    """Measure what the sandbox costs, side by side with none: 0 every bar met, 1 one missed."""
    from app.commands.bench import bench as measure
    from app.settings import Settings

    sys.exit(asyncio.run(measure(Settings(), as_json=as_json, say=click.echo)))
