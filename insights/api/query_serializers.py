"""Shapes of asynchronous queries, for the OpenAPI document."""

from rest_framework import serializers


class QueryProgressSerializer(serializers.Serializer[object]):
    """How far ClickHouse is, with `show_progress`; zeros while nothing runs there."""

    bytes_read = serializers.IntegerField()
    rows_read = serializers.IntegerField()
    estimated_rows_total = serializers.IntegerField()
    time_elapsed = serializers.FloatField(help_text="Seconds since ClickHouse began.")
    active_cpu_time = serializers.IntegerField(help_text="Microseconds, of all its threads.")


class QueryStatusSerializer(serializers.Serializer[object]):
    """An asynchronous query."""

    id = serializers.CharField(help_text="Also the last part of the path that tells how far it is.")
    team_id = serializers.IntegerField(help_text="The project.")
    complete = serializers.BooleanField(help_text="Nothing more will come: it is done, or has failed.")
    error = serializers.BooleanField()
    error_message = serializers.CharField(allow_null=True)
    query_async = serializers.BooleanField(help_text="Always true.")
    results = serializers.JSONField(
        help_text="What the same request would have been answered with, had it waited."
    )
    task_id = serializers.CharField(allow_null=True, help_text="What is being worked at; for people.")
    start_time = serializers.DateTimeField()
    pickup_time = serializers.DateTimeField(allow_null=True, help_text="When a worker last took it up.")
    end_time = serializers.DateTimeField(allow_null=True)
    expiration_time = serializers.DateTimeField(help_text="From then on the id is unknown.")
    insight_id = serializers.IntegerField(allow_null=True, help_text="Always null.")
    dashboard_id = serializers.IntegerField(allow_null=True, help_text="Always null.")
    labels = serializers.ListField(child=serializers.CharField(), allow_null=True, help_text="Always null.")
    query_progress = QueryProgressSerializer(allow_null=True)


class QueryStatusResponseSerializer(serializers.Serializer[object]):
    """How far an asynchronous query is."""

    query_status = QueryStatusSerializer()


class QueryCancelledSerializer(serializers.Serializer[object]):
    """The query is stopped."""

    message = serializers.CharField()
