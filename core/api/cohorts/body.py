"""Bodies of cohort requests: JSON, or a form in which everything is text, with or without a file."""

from collections.abc import Mapping
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request

from core.api.parsers import JSONParser
from core.api.strict_fields import check_numbers
from core.events.body import UnreadableBody, decode
from core.exceptions import InvalidInput, PayloadTooLarge
from core.services.cohorts.save_cohort import TYPES, CohortFields

IDS = "_create_static_person_ids"
FILE = "csv"
_JSON = ("filters", "groups", "query", IDS, "person_ids")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


class BoundedMultiPartParser(MultiPartParser):
    """Files of at most ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes; large ones wait on the disk."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ``ParseError`` or ``PayloadTooLarge``."""
        largest: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        request = (parser_context or {})["request"]
        if int(request.META.get("CONTENT_LENGTH") or 0) > largest:
            raise PayloadTooLarge(f"The body is larger than {largest} bytes.")
        return super().parse(stream, media_type, parser_context)


#: ``parser_classes`` of the cohort routes.
JSON_OR_FORM = (JSONParser, FormParser, BoundedMultiPartParser)


def read_body(request: Request) -> dict[str, Any]:
    """The fields of the body by name. In a form lists and objects are JSON text, and a list may also be a name that
    is repeated.
    """
    body: Any = request.data
    if isinstance(body, QueryDict):
        return {name: _from_form(body, name) for name in body}
    if not isinstance(body, dict):
        raise InvalidInput(f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
    return body


def _from_form(form: QueryDict, name: str) -> Any:
    values = form.getlist(name)
    value: Any = values[-1]
    if not isinstance(value, str):
        return value
    if name in (IDS, "person_ids") and (len(values) > 1 or not value.lstrip().startswith("[")):
        return [one for one in values if one]
    if name in _JSON:
        return _read_json(value, name)
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _read_json(text: str, name: str) -> Any:
    if not text.strip():
        return None
    body = text.encode()
    try:
        return decode(body, largest=len(body))
    except UnreadableBody:
        raise InvalidInput("Value must be valid JSON.", attr=name) from None


def read_fields(body: Mapping[str, Any]) -> CohortFields:
    """The fields that a cohort may be given, each checked by itself. Raises ``InvalidInput`` that names the field."""
    values: dict[str, Any] = {}
    if "name" in body:
        values["name"] = _text(body, "name", longest=400, may_be_null=True)
    if "description" in body:
        values["description"] = _text(body, "description", longest=1000)
    for name in ("is_static", "deleted"):
        if name in body:
            values[name] = _boolean(body, name)
    if body.get("cohort_type") not in (None, ""):
        if body["cohort_type"] not in TYPES:
            raise InvalidInput(
                f'"{body["cohort_type"]}" is not a valid choice.', attr="cohort_type", code="invalid_choice"
            )
        values["cohort_type"] = body["cohort_type"]
    elif "cohort_type" in body:
        values["cohort_type"] = None
    if body.get("groups") is not None and not isinstance(body["groups"], list):
        raise InvalidInput("Expected a list.", attr="groups", code="not_a_list")
    for name in ("filters", "groups", "query"):
        if name in body:
            check_numbers(body[name], attr=name)
            values[name] = body[name]
    members_from = next((name for name in (IDS, FILE) if body.get(name) not in (None, "", [])), None)
    return CohortFields(values, members_from)


def read_uuids(body: Mapping[str, Any]) -> list[UUID]:
    """The persons that a static cohort is to have; none when the field is absent."""
    given = body.get(IDS)
    if given is None:
        return []
    if not isinstance(given, list):
        raise InvalidInput(
            f'Expected a list of items but got type "{type(given).__name__}".', attr=IDS, code="not_a_list"
        )
    return list(dict.fromkeys(read_uuid(one, attr=IDS) for one in given))


def read_uuid(value: Any, *, attr: str | None, detail: str = "Must be a valid UUID.") -> UUID:
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError):
        raise InvalidInput(detail, attr=attr) from None


def read_file(body: Mapping[str, Any]) -> IO[bytes] | None:
    """The file of persons; null when there is none."""
    file = body.get(FILE)
    if file in (None, ""):
        return None
    if not isinstance(file, UploadedFile) or file.file is None:
        raise InvalidInput("The submitted data was not a file.", attr=FILE)
    return file.file


def _text(body: Mapping[str, Any], name: str, *, longest: int, may_be_null: bool = False) -> str | None:
    value = body[name]
    if value is None:
        if may_be_null:
            return None
        raise InvalidInput("This field may not be null.", attr=name, code="null")
    if not isinstance(value, str):
        raise InvalidInput("Not a valid string.", attr=name)
    if len(value) > longest:
        raise InvalidInput(
            f"Ensure this field has no more than {longest} characters.", attr=name, code="max_length"
        )
    return value


def _boolean(body: Mapping[str, Any], name: str) -> bool:
    value = body[name]
    if value is None:
        raise InvalidInput("This field may not be null.", attr=name, code="null")
    if isinstance(value, str):
        value = _BOOLEANS.get(value.strip().lower())
    if not isinstance(value, bool):
        raise InvalidInput("Must be a valid boolean.", attr=name)
    return value
