"""The entry point of the web processes."""

import gc
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, reset_queries
from django.http import HttpResponse

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")

#: Bytes of a body that are read only to be thrown away. A client that sends more sees its connection end.
_DRAINED = 64 * 1024 * 1024
_CHUNK = 64 * 1024

_django = get_wsgi_application()
# Each request gives its connection back at its end: nothing is left to do at a start.
request_started.disconnect(close_old_connections)
# Nor are there caches of Django's to close, nor queries to forget that only a debug server notes.
request_finished.disconnect(close_caches)
if not settings.DEBUG:
    request_started.disconnect(reset_queries)

# What was loaded until now stays and need not be looked at again; and a batch of events is tens of thousands of objects
# that go with the request: looking through them over and over took an eighth of a web process under load.
gc.freeze()
gc.set_threshold(50_000, 20, 20)


def application(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Answer, and leave nothing of the request unread.

    The server ends a connection whose request it could not read to its end, without a word in the answer. The client
    would send its next request into the closed connection, or, with a large body, never see the answer.
    """
    response = _django(environ, start_response)
    answer: Iterable[bytes] = response
    if isinstance(response, HttpResponse):
        # The server sends a list at once, and anything else piece by piece through another task.
        answer = [response.content]
        response.close()
    if environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ:
        stream, read = environ["wsgi.input"], 0
        while read < _DRAINED and (chunk := stream.read(_CHUNK)):
            read += len(chunk)
    return answer
