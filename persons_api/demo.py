"""Demo data: a small shop's last two weeks, so that the first list and the first funnel show something."""

import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from core.events.event import Event
from core.services.capture import capture

VISITORS = 2_000
DAYS = 14
BATCH = 500

#: The shop's funnel, and what share of those who took a step takes the next one.
STEPS = ("$pageview", "signed up", "order placed")
_CONVERSION = (0.45, 0.5)
_BROWSERS = ("Chrome", "Firefox", "Safari", "Edge")
_PLANS = ("free", "team", "scale")
_PAGES = ("/", "/pricing", "/docs", "/blog/hello", "/about")


def load_demo(project_id: int, *, advance: Callable[[int], None]) -> None:
    """Fill a project. ``advance`` is told of each number of visitors done, ``VISITORS`` in all."""
    now = timezone.now()
    chance = random.Random(20)  # noqa: S311 - the same demo for everybody, no secret
    batch: list[Event] = []
    done = 0
    for visitor in range(VISITORS):
        batch.extend(_visit(visitor, chance, now))
        if len(batch) >= BATCH or visitor == VISITORS - 1:
            capture(project_id=project_id, events=batch)
            advance(visitor + 1 - done)
            batch, done = [], visitor + 1


def _visit(visitor: int, chance: random.Random, now: datetime) -> Iterator[Event]:
    """What one visitor does: look around, perhaps sign up, perhaps order."""
    anonymous_id = str(UUID(int=chance.getrandbits(128), version=4))
    browser = chance.choice(_BROWSERS)
    at = now - timedelta(seconds=chance.uniform(3_600, DAYS * 86_400))
    for _ in range(chance.randint(1, 6)):
        page = chance.choice(_PAGES)
        yield _event(
            chance,
            STEPS[0],
            anonymous_id,
            at,
            {"$browser": browser, "$current_url": f"https://shop.example.org{page}"},
        )
        at += timedelta(seconds=chance.uniform(5, 600))
    if chance.random() >= _CONVERSION[0] or at >= now:
        return
    email = f"visitor{visitor}@example.org"
    plan = chance.choice(_PLANS)
    yield _event(
        chance,
        "$identify",
        email,
        at,
        {"$anon_distinct_id": anonymous_id, "$set": {"email": email, "plan": plan}},
    )
    yield _event(chance, STEPS[1], email, at, {"$browser": browser, "plan": plan})
    at += timedelta(seconds=chance.uniform(60, 2 * 86_400))
    if chance.random() < _CONVERSION[1] and at < now:
        yield _event(
            chance, STEPS[2], email, at, {"$browser": browser, "amount": round(chance.uniform(5, 300), 2)}
        )


def _event(
    chance: random.Random, name: str, distinct_id: str, at: datetime, properties: dict[str, object]
) -> Event:
    other = properties.get("$anon_distinct_id")
    return Event(
        uuid=UUID(int=chance.getrandbits(128), version=4),
        name=name,
        distinct_id=distinct_id,
        timestamp=at,
        properties=properties,
        other_id=other if isinstance(other, str) else None,
        without_profile=False,
    )
