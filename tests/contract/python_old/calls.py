"""Makes the calls that stand on standard input and says what came back and what the SDK had to say."""

import json
import logging
import sys
from typing import Any

import posthog


class Complaints(logging.Handler):
    """What the SDK logs."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


def main() -> None:
    given = json.load(sys.stdin)
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    client = posthog.Posthog(given["token"], host=given["host"], **given["options"])
    answers: list[Any] = [getattr(client, method)(**parameters) for method, parameters in given["calls"]]
    client.shutdown()
    # capture() and its like answer with the message in the queue, which is no JSON.
    json.dump({"answers": answers, "complaints": complaints.texts}, sys.stdout, default=str)


if __name__ == "__main__":
    main()
