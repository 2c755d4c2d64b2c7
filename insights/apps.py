from django.apps import AppConfig


class InsightsConfig(AppConfig):
    """What people did: questions to ClickHouse and the persons behind the answers."""

    name = "insights"
