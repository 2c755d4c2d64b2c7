"""Bodies of API requests."""

from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from core.events.body import UnreadableBody, decode
from core.exceptions import PayloadTooLarge


class JSONParser(BaseParser):
    """JSON in UTF-8. An empty body is an empty object."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ``ParseError``, or ``PayloadTooLarge`` above ``DATA_UPLOAD_MAX_MEMORY_SIZE`` bytes."""
        largest: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(largest + 1)
        if len(body) > largest:
            raise PayloadTooLarge(f"The body is larger than {largest} bytes.")
        if not body.strip():
            return {}
        try:
            return decode(body, largest=largest)
        except UnreadableBody as error:
            raise ParseError(error.detail) from None
