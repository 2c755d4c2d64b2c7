"""The app of beat: the schedule and the queue. It leaves Django out, which would be half of its memory."""

from logging.config import dictConfig

from celery import Celery

from persons_api import settings

dictConfig(settings.LOGGING)
app = Celery("persons_api", fixups=[])
app.config_from_object(settings, namespace="CELERY")
