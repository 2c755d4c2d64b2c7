"""The command that copies a project of a PostHog instance."""

import ipaddress
import logging
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from persons_api import env, import_posthog_display
from persons_api.cli import AsJson, StackDir, app, django, errors_in_one_line, fail, tell, terminal

if TYPE_CHECKING:  # the command line starts without Django
    from core.services.posthog_import.run import Part

_MOMENT = "DATE or DATETIME, ISO 8601; without a zone: UTC"


@app.command()
def import_posthog(
    host: Annotated[str, typer.Option(metavar="URL", help="The PostHog instance to copy from.")],
    project: Annotated[int, typer.Option(metavar="ID", help="Project here that gets everything.")],
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Personal API key of the instance; `-` reads it from standard input. Default: "
            "PERSONS_API_POSTHOG_KEY, or it is asked for. Whoever is on this machine can see what stands here.",
            show_default=False,
        ),
    ] = None,
    from_project: Annotated[
        int | None,
        typer.Option(
            metavar="ID",
            min=1,
            help="Project there. Default: the current one of the key.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        str, typer.Option(metavar="PARTS", help="What to copy, separated by commas.")
    ] = "persons,events,cohorts",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help=f"Only events from then on: {_MOMENT}. Default: all.", show_default=False
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only events before. Default: now.", show_default=False),
    ] = None,
    as_json: AsJson = False,
    data_dir: StackDir = None,
) -> None:
    """Copy persons, events and cohorts of a PostHog project. Ends with a comparison; exit status 1 if it differs.

    Persons keep their uuids and distinct ids, events theirs. When it is stopped, the same command goes on where it was;
    run again after its end, it brings what is new and takes nothing twice.

    **Examples**

    - `persons-api import-posthog --host https://eu.posthog.com --project 1`
    - `persons-api import-posthog --host https://ph.example.org --project 1 --only persons --key - < key.txt`
    """
    with errors_in_one_line(), django(data_dir, with_clickhouse=True):
        from core.posthog.client import Source, read_host, read_key
        from core.services.posthog_import.run import Wish, import_project
        from insights.cohorts import calculate_waiting

        # A stopped stack has no workers to wake; this command delivers and calculates what it stores.
        for name in ("core.outbox.wake", "core.services.cohorts.wake"):
            logging.getLogger(name).setLevel(logging.ERROR)
        wish = Wish(_parts(only), from_project, _moment("--since", since), _moment("--until", until))
        if wish.since and wish.until and wish.since >= wish.until:
            fail("--since must be before --until")
        source = Source(read_host(host), read_key(_key(key)))
        _warn_of_plain_text(source.host)
        try:
            with import_posthog_display.bars(terminal) as shown:
                source.wait = shown.wait
                outcome = import_project(
                    project_id=project,
                    source=source,
                    wish=wish,
                    tell=shown.show,
                    calculate=calculate_waiting,
                )
        except KeyboardInterrupt:
            fail("stopped. Run the same command again: it goes on where it was")
    typer.echo(import_posthog_display.result(project, source.host, outcome, as_json=as_json))
    import_posthog_display.tell_reasons(terminal, outcome)
    if not outcome.is_complete:
        raise typer.Exit(1)


def _parts(text: str) -> "frozenset[Part]":
    from core.services.posthog_import.run import Part

    words = [word.strip() for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in list(Part)]
    if unknown or not words:
        fail(f"--only {text}: expected some of {', '.join(Part)}")
    return frozenset(Part(word) for word in words)


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{option} {text}: expected a {_MOMENT}")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _key(given: str | None) -> str:
    #: Personal API key of the PostHog instance, for ``import-posthog`` without ``--key``.
    key = env.secret("PERSONS_API_POSTHOG_KEY") if given is None else given
    if key is not None and key != "-":
        return key
    if sys.stdin.isatty():
        answer: str = typer.prompt("Personal API key", hide_input=True, err=True)
        return answer
    return sys.stdin.readline()


def _warn_of_plain_text(host: str) -> None:
    parts = urlsplit(host)
    try:
        is_here = ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = parts.hostname == "localhost"
    if parts.scheme == "http" and not is_here:
        tell("the key and everything else travel without encryption: better https://")
