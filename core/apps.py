from django.apps import AppConfig


class CoreConfig(AppConfig):
    """Who people are: projects, keys, persons, capture and delivery."""

    name = "core"
