"""The task queue: workers for ``delivery`` (Postgres to ClickHouse), ``insights`` (questions to ClickHouse),
``cohorts`` (their calculation), ``deletions`` (what rewrites ClickHouse) and ``webhooks`` (requests to them).
"""

import os
from typing import Any

from celery import Celery
from celery.signals import before_task_publish, task_prerun

from core import request_id

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")
# Django's checks load every route, 15 MB that a worker has no use for.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("persons_api")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["core.tasks"], related_name="delivery")
app.autodiscover_tasks(["core.tasks"], related_name="erase")
app.autodiscover_tasks(["core.tasks"], related_name="purge")
app.autodiscover_tasks(["core.tasks"], related_name="retention")
app.autodiscover_tasks(["core.tasks"], related_name="squash")
app.autodiscover_tasks(["core.tasks"], related_name="webhooks")
app.autodiscover_tasks(["insights"], related_name="tasks")
app.autodiscover_tasks(["insights"], related_name="cohort_tasks")


@before_task_publish.connect
def _name_request(headers: dict[str, Any], **_: Any) -> None:
    headers["request_id"] = request_id.current.get()


@task_prerun.connect
def _take_name(task: Any, **_: Any) -> None:
    request_id.current.set(task.request.get("request_id") or "")
