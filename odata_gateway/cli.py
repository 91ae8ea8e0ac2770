"""The command line: parses it and runs one of `commands/`.

Exit status: 0 success; 1 something outside failed (a port, the database, findings of `check`); 2
the command line, a setting or the model is wrong.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from odata_gateway import __version__
from odata_gateway.commands.check import run_check
from odata_gateway.commands.demo import add_demo_arguments, run_demo
from odata_gateway.commands.explain import add_explain_arguments, run_explain
from odata_gateway.commands.mcp import run_mcp
from odata_gateway.commands.model import add_model_arguments, run_model
from odata_gateway.commands.query import add_query_arguments, run_query
from odata_gateway.commands.serve import run_serve
from odata_gateway.commands.sql import add_sql_arguments, run_sql
from odata_gateway.commands.token import add_token_arguments, run_token
from odata_gateway.config.setting import SettingsError
from odata_gateway.config.settings import SETTINGS, Settings
from odata_gateway.config.sources import flags_of, load
from odata_gateway.edm.json_reader import ModelError
from odata_gateway.observe import logs


class Command(NamedTuple):
    """A row of the table of commands; `add_arguments` declares those that are not settings."""

    text: str
    run: Callable[[Settings, argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], None] | None = None


COMMANDS = {
    "serve": Command("answer OData requests", run_serve),
    "demo": Command(
        "answer them from an embedded Postgres with sample data", run_demo, add_demo_arguments
    ),
    "check": Command(
        "show the settings, compare the model with the database, and say what is missing",
        run_check,
    ),
    "explain": Command(
        "show what becomes of a request, down to the SQL", run_explain, add_explain_arguments
    ),
    "mcp": Command("answer an agent on standard input and output", run_mcp),
    "query": Command(
        "write the rows of a URL, from the database or from a running service",
        run_query,
        add_query_arguments,
    ),
    "token": Command(
        "make an access token, add it to the file of tokens, and show it once",
        run_token,
        add_token_arguments,
    ),
    "model": Command(
        "print the model of a database, made from its catalog", run_model, add_model_arguments
    ),
    "sql": Command(
        "print one of the SQL files for Live Agent's database: indexes, roles and so on",
        run_sql,
        add_sql_arguments,
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    _open_standard_files()
    options = _parser().parse_args(arguments)
    try:
        settings = load(os.environ, flags_of(vars(options)))
        logs.set_up(settings.log_level, settings.log_format)
        return COMMANDS[options.command].run(settings, options)
    except (SettingsError, ModelError) as error:
        lines = (f"odata-gateway: {mistake}" for mistake in error.mistakes)
        print(*lines, sep="\n", file=sys.stderr)
        return 2
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        hint = "; choose another port with --port or ODATA_PORT" if is_taken else ""
        print(f"odata-gateway: {error}{hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _open_standard_files() -> None:
    """Open what the program that started this one has closed, so that no connection takes the place
    of standard input, output or errors."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="odata-gateway",
        description="A read-only OData v4 gateway in front of Postgres.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command", dest="command")
    settings = _settings_parser()
    for name, command in COMMANDS.items():
        own = commands.add_parser(
            name,
            parents=[settings],
            help=command.text,
            description=command.text,
            allow_abbrev=False,
        )
        if command.add_arguments is not None:
            command.add_arguments(own)
    return parser


def _settings_parser() -> argparse.ArgumentParser:
    """The flags that every command has, one a setting; a flag that is not given has no
    attribute."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument_group(
        "settings",
        "each also as a variable: --page-rows is ODATA_PAGE_ROWS; secrets also as ..._FILE",
    )
    names = dict.fromkeys(setting.group for setting in SETTINGS)
    groups = {name: parser.add_argument_group(f"settings: {name}") for name in names}
    for setting in SETTINGS:
        groups[setting.group].add_argument(
            setting.flag,
            dest=setting.name,
            metavar="VALUE",
            default=argparse.SUPPRESS,
            help=f"{setting.doc} ({setting.default or 'empty'})",
        )
    return parser
