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


class SuccessSerializer(serializers.Serializer[object]):
    """It is done."""

    success = serializers.BooleanField()


class PersonSplitRequestSerializer(serializers.Serializer[object]):
    """Which distinct ids move away. Give one of the two fields, or none: then all but the oldest id move."""

    main_distinct_id = serializers.CharField(
        required=False, allow_null=True, help_text="The id that stays; every other one moves."
    )
    distinct_ids_to_split = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="The ids that move; every other one stays."
    )


class PersonSplitResponseSerializer(serializers.Serializer[object]):
    """The split is done."""

    success = serializers.BooleanField()
