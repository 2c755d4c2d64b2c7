"""The project of another server that is read from."""

from dataclasses import dataclass
from typing import Any

from core.exceptions import InvalidInput
from core.posthog.client import RouteMissing, Source, SourceRefused

#: Characters of a project's number.
_LONGEST = 18


@dataclass(frozen=True, slots=True)
class SourceProject:
    """``name`` and ``token`` are null when the key may not read them."""

    number: int
    name: str | None
    token: str | None

    @property
    def path(self) -> str:
        return f"api/projects/{self.number}/"


def find_project(source: Source, number: int | None) -> SourceProject:
    """The project with this number; null is the current one of the key. Raises ``SourceRefused``, ``SourceAway``."""
    try:
        found = source.get(f"api/projects/{'@current' if number is None else number}/")
    except RouteMissing:
        if number is None:
            raise SourceRefused(
                f"{source.host} knows no current project of the key, or is no PostHog. Name the project with "
                "--from-project."
            ) from None
        raise SourceRefused(f"{source.host} has no project {number}.", attr="from-project") from None
    except SourceRefused as error:
        # A key for persons alone may not read the project; what it reads is looked at next.
        if error.attr != "key" or "scope" not in error.detail:
            raise
        if number is None:
            raise SourceRefused(
                f"{error.detail}. Without that, name the project with --from-project ID.", attr="key"
            ) from None
        return SourceProject(number, None, None)
    if not _is_number(found.get("id")):
        raise SourceRefused(f"{source.host} does not answer as PostHog does: the project has no number.")
    return SourceProject(found["id"], _text(found.get("name")), _text(found.get("api_token")))


def check_is_another(there: SourceProject, token: str) -> None:
    """Raises ``InvalidInput`` for a project that would be copied into itself."""
    if there.token == token:
        raise InvalidInput("The project would be copied into itself.", attr="from-project")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**_LONGEST


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
