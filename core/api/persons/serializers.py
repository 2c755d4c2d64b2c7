"""Shapes of persons in answers, for the OpenAPI document."""

from rest_framework import serializers


class PersonRecordSerializer(serializers.Serializer[object]):
    """A single person."""

    id = serializers.IntegerField(help_text="The integer id of the person.")
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    distinct_ids = serializers.ListField(child=serializers.CharField())
    properties = serializers.DictField(child=serializers.JSONField(allow_null=True))
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(allow_null=True)


class PersonListRowSerializer(serializers.Serializer[object]):
    """A person in a list."""

    type = serializers.ChoiceField(choices=["person"])
    id = serializers.UUIDField(help_text="The same as `uuid`.")
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    distinct_ids = serializers.ListField(child=serializers.CharField(), help_text="At most 1000.")
    properties = serializers.DictField(child=serializers.JSONField(allow_null=True))
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    is_identified = serializers.BooleanField()
    matched_recordings = serializers.ListField(child=serializers.JSONField())
    value_at_data_point = serializers.FloatField(allow_null=True)


class PersonPageSerializer(serializers.Serializer[object]):
    """A page of persons."""

    results = PersonListRowSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class ErrorSerializer(serializers.Serializer[object]):
    """Every error."""

    type = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True, help_text="The field to blame, if there is one.")
