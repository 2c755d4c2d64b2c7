"""The least that a server can do for one person and for a page of persons: FastAPI, asyncpg and orjson, without keys.

What ``benchmarks/persons.py`` compares with. It runs the statements of ours, which it is given in ``BARE_PERSONS`` with
numbered parameters and their names in this order, and answers with the same JSON. As ours it reads properties for the
name only, and answers with the text that the database gave.
"""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from fastapi import FastAPI, Query, Request, Response

STATEMENTS = orjson.loads(os.environ["BARE_PERSONS"])
#: Connections of one process.
CONNECTIONS = 8
ROW_IDS = 1000

_MADE_UP = re.compile(r"[a-z0-9]+(-[a-z0-9]+){4}")


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        app.state.pool = pool
        yield


async def retrieve(request: Request, project_id: int, uuid: UUID) -> Response:
    (row,) = await _fetch(request, "retrieve", project_id=project_id, key=uuid, ids=None)
    person = _person(*row)
    return _json({"id": row[0], **person, "distinct_ids": sorted(person["distinct_ids"], key=_is_made_up)})


async def page(request: Request, project_id: int, limit: int, offset: int = Query(default=0)) -> Response:
    newest = datetime.now(UTC) + timedelta(days=1)
    parameters = {
        "project_id": project_id,
        "newest": newest,
        "limit": limit + 1,
        "offset": offset,
        "ids": ROW_IDS,
    }
    rows = await _fetch(request, "list", **parameters)
    following = request.url.include_query_params(offset=offset + limit)
    previous = request.url.include_query_params(offset=offset - limit)
    return _json(
        {
            "results": [_list_row(*row) for row in rows[:limit]],
            "next": str(following) if len(rows) > limit else None,
            "previous": str(previous) if offset >= limit else None,
        }
    )


async def _fetch(request: Request, name: str, **parameters: Any) -> list[asyncpg.Record]:
    statement, names = STATEMENTS[name]
    rows: list[asyncpg.Record] = await request.app.state.pool.fetch(
        statement, *(parameters[one] for one in names)
    )
    return rows


def _list_row(*columns: Any) -> dict[str, Any]:
    person = _person(*columns)
    return {
        "type": "person",
        "id": person["uuid"],
        **person,
        "is_identified": columns[3],
        "matched_recordings": [],
        "value_at_data_point": None,
    }


def _person(
    pk: int,
    uuid: str,
    text: str,
    is_identified: bool,
    created_at: datetime,
    last_seen_at: datetime | None,
    distinct_ids: list[str],
) -> dict[str, Any]:
    properties = orjson.loads(text)
    names = (properties.get(name) for name in ("email", "name", "username"))
    name = next(filter(None, names), None) or min(distinct_ids, key=_is_made_up, default=str(pk))
    return {
        "uuid": uuid,
        "name": name,
        "distinct_ids": distinct_ids,
        "properties": orjson.Fragment(text),
        "created_at": created_at,
        "last_seen_at": last_seen_at,
    }


def _is_made_up(distinct_id: str) -> bool:
    return _MADE_UP.fullmatch(distinct_id) is not None


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_UTC_Z), media_type="application/json")


app = FastAPI(lifespan=_lifespan)
app.add_api_route("/api/projects/{project_id}/persons/{uuid}/", retrieve)
app.add_api_route("/api/projects/{project_id}/persons/", page)
