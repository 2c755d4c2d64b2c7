"""The task queue: workers for ``delivery`` (Postgres to ClickHouse), ``insights`` (questions to ClickHouse) and
``deletions`` (what rewrites ClickHouse).
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")

app = Celery("persons_api")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["core.tasks"], related_name="delivery")
app.autodiscover_tasks(["core.tasks"], related_name="squash")
app.autodiscover_tasks(["insights"], related_name="tasks")
