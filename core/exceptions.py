"""What can go wrong, in two trees: mistakes of the caller (4xx) and failures of the system (503, worth a
retry).

The one place that turns them into answers is ``core.api.errors``.
"""


class RequestError(Exception):
    """The caller asked for something that cannot be done; asking again changes nothing.

    ``detail`` is for people, ``attr`` names the field to blame, if there is one.
    """

    status = 400
    type = "validation_error"
    code = "invalid_input"

    def __init__(self, detail: str, *, attr: str | None = None, code: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.attr = attr
        if code is not None:
            self.code = code


class InvalidInput(RequestError):
    """A parameter or a field of the body has a value that cannot be used."""


class ClientGone(RequestError):
    """Whoever asked has hung up. Nobody reads the answer; its status stands in logs and metrics."""

    status = 499
    type = "invalid_request"
    code = "client_closed_request"


class ProjectNotFound(RequestError):
    """No such project, or it was deleted."""

    status = 404
    type = "invalid_request"
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Project not found.")


class PersonNotFound(RequestError):
    """No such person in this project."""

    status = 404
    type = "invalid_request"
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Not found.")


class CohortNotFound(RequestError):
    """No such cohort in this project."""

    status = 404
    type = "invalid_request"
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Not found.")


class KeyNotFound(RequestError):
    """The user has no such key."""

    status = 404
    type = "invalid_request"
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Not found.")


class WebhookNotFound(RequestError):
    """No such webhook in this project, or no such event on its way to it."""

    status = 404
    type = "invalid_request"
    code = "not_found"

    def __init__(self) -> None:
        super().__init__("Not found.")


class PayloadTooLarge(RequestError):
    """The body is larger than this server takes."""

    status = 413
    type = "invalid_request"
    code = "payload_too_large"


class ServiceUnavailable(Exception):
    """A part of the system is away for the moment; the same request may work later.

    ``retry_after`` is in whole seconds.
    """

    status = 503
    code = "service_unavailable"
    retry_after = 5

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail or (self.__doc__ or "").strip())
        self.detail = str(self)


class DatabaseUnavailable(ServiceUnavailable):
    """PostgreSQL does not answer. Nothing was stored; try again."""

    code = "database_unavailable"
    retry_after = 1


class ClickHouseUnavailable(ServiceUnavailable):
    """ClickHouse does not answer. Persons and capture go on; try again shortly."""

    code = "clickhouse_unavailable"


class ReplicaTooLate(ServiceUnavailable):
    """Too many changes are on their way to ClickHouse to search among them; try again shortly."""

    code = "replica_too_late"


class QueueUnavailable(ServiceUnavailable):
    """The task queue does not answer. Persons and capture go on; try again shortly."""

    code = "queue_unavailable"


class TooManyQuestions(ServiceUnavailable):
    """Too many analytical requests wait at once; try again shortly."""

    code = "too_many_queries"
    retry_after = 2


class TooManyExports(ServiceUnavailable):
    """Too many tables are gathered at once; try again shortly."""

    code = "too_many_exports"


class TooManyTests(ServiceUnavailable):
    """Too many webhooks are being tested at once; try again shortly."""

    code = "too_many_tests"


class QueryTooHeavy(ServiceUnavailable):
    """The query took too long or too much memory and was stopped. Ask for a shorter date range or fewer
    steps.
    """

    status = 504
    code = "query_too_heavy"


class ClickHouseRefused(Exception):
    """ClickHouse understood the connection but refused the statement: a defect of ours, not worth a retry."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
