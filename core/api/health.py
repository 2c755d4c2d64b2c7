"""``/_health``: this process answers."""

from django.http import HttpRequest, HttpResponse


def health(request: HttpRequest) -> HttpResponse:
    """Says nothing about the stores: a process is not to be restarted because PostgreSQL is."""
    return HttpResponse("ok\n", content_type="text/plain")
