from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Who people are: projects, keys, persons, capture and delivery."""

    name = "core"
    # What the admin calls it.
    verbose_name = "Installation"

    def ready(self) -> None:
        # Tasks published by a process that is no worker (web, commands) must find the configured queue, not
        # Celery's default.
        import persons_api.celery  # noqa: F401
