"""Shapes of persons in answers, for the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import (
    PolymorphicProxySerializer,
    extend_schema_field,
    extend_schema_serializer,
)
from rest_framework import serializers


@extend_schema_field({"type": "boolean", "const": True})
class TrueField(serializers.BooleanField):
    """Always true."""


@extend_schema_field({"type": "boolean", "const": False})
class FalseField(serializers.BooleanField):
    """Always false."""


@extend_schema_field({"type": "null"})
class NothingField(serializers.JSONField):
    """Always null."""


class PersonRecordSerializer(serializers.Serializer[object]):
    """A single person. Of what is sent only `properties` counts, so a whole person can be sent back."""

    id = serializers.IntegerField(read_only=True, help_text="The integer id of the person.")
    uuid = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    distinct_ids = serializers.ListField(child=serializers.CharField(), read_only=True)
    properties = serializers.DictField(
        child=serializers.JSONField(),
        help_text="In a request: those to set; the others stay as they are.",
    )
    created_at = serializers.DateTimeField(read_only=True)
    last_seen_at = serializers.DateTimeField(read_only=True, allow_null=True)


class RecordedEventSerializer(serializers.Serializer[object]):
    """An event within a recording."""

    uuid = serializers.UUIDField()
    timestamp = serializers.DateTimeField()
    window_id = serializers.CharField()


class MatchedRecordingSerializer(serializers.Serializer[object]):
    """A recording of a session. This server stores none."""

    session_id = serializers.CharField()
    events = RecordedEventSerializer(many=True)


class PersonListRowSerializer(serializers.Serializer[object]):
    """A person in a list."""

    type = serializers.ChoiceField(choices=["person"])
    id = serializers.UUIDField(help_text="The same as `uuid`.")
    uuid = serializers.UUIDField()
    name = serializers.CharField()
    distinct_ids = serializers.ListField(child=serializers.CharField(), help_text="At most 1000.")
    properties = serializers.DictField(child=serializers.JSONField())
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    is_identified = serializers.BooleanField()
    matched_recordings = MatchedRecordingSerializer(many=True, help_text="Always empty.")
    value_at_data_point = serializers.FloatField(allow_null=True)


@extend_schema_serializer(component_name="PaginatedPersonRecordList", many=False)
class PersonPageSerializer(serializers.Serializer[object]):
    """A page of persons."""

    results = PersonListRowSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    count = serializers.IntegerField(required=False, help_text="Of all pages; with `include_total` only.")


class ChangedPersonSerializer(PersonListRowSerializer):
    """A person that changed."""

    is_deleted = FalseField()


class DeletedPersonSerializer(serializers.Serializer[object]):
    """A person that is gone."""

    type = serializers.ChoiceField(choices=["person"])
    id = serializers.UUIDField(help_text="The same as `uuid`.")
    uuid = serializers.UUIDField()
    is_deleted = TrueField()


@extend_schema_field(
    PolymorphicProxySerializer(
        component_name="PersonChange",
        serializers=[ChangedPersonSerializer, DeletedPersonSerializer],
        resource_type_field_name=None,
        many=True,
    )
)
class PersonChangesField(serializers.ListField):
    """Persons that changed, and persons that are gone."""


class PersonChangesSerializer(serializers.Serializer[object]):
    """What changed, in the order of the changes: the answer to `updated_since`."""

    results = PersonChangesField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    cursor = serializers.CharField(help_text="What `updated_since` takes to go on from here.")


#: A page of persons, or of changes.
PERSONS = PolymorphicProxySerializer(
    component_name="PersonsOrChanges",
    serializers=[PersonChangesSerializer, PersonPageSerializer],
    resource_type_field_name=None,
    many=False,
)


class ErrorSerializer(serializers.Serializer[object]):
    """Every error."""

    type = serializers.CharField()
    code = serializers.CharField()
    detail = serializers.CharField()
    attr = serializers.CharField(allow_null=True, help_text="The field to blame, if there is one.")


class PointInTimeMetadataSerializer(serializers.Serializer[object]):
    """What was asked, and under which distinct ids events were looked for."""

    queried_timestamp = serializers.DateTimeField()
    include_set_once = serializers.BooleanField()
    distinct_id_used = serializers.CharField(allow_null=True)
    person_id_used = serializers.CharField(allow_null=True)
    query_mode = serializers.ChoiceField(choices=["distinct_id", "person_id"])
    distinct_ids_queried = serializers.ListField(child=serializers.CharField())
    distinct_ids_count = serializers.IntegerField()


class PersonPropertiesAtTimeResponseSerializer(PersonRecordSerializer):
    """A person with the properties that it had at some moment."""

    point_in_time_metadata = PointInTimeMetadataSerializer()


class PersonPropertiesAtTimeErrorSerializer(ErrorSerializer):
    """An error, told twice."""

    error = serializers.CharField(help_text="The same as `detail`.")


class PersonDeletePropertyErrorSerializer(ErrorSerializer):
    """A failure of the server."""

    success = FalseField()


class SuccessSerializer(serializers.Serializer[object]):
    """It is done."""

    success = serializers.BooleanField()


class PersonSplitRequestSerializer(serializers.Serializer[object]):
    """Which distinct ids move away. Give one of the two fields, or none: then all but the oldest id move."""

    main_distinct_id = serializers.CharField(
        required=False, allow_null=True, help_text="The id that stays; every other one moves."
    )
    distinct_ids_to_split = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        min_length=1,
        help_text="The ids that move; every other one stays.",
    )
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Only tell what would be.")


class PersonSplitResponseSerializer(serializers.Serializer[object]):
    """The split is done."""

    success = serializers.BooleanField()


class SplitPartSerializer(serializers.Serializer[object]):
    """A person that a split makes."""

    distinct_id = serializers.CharField()
    uuid = serializers.UUIDField()


class PersonSplitPreviewSerializer(serializers.Serializer[object]):
    """What a split would do."""

    dry_run = serializers.BooleanField()
    new_persons = SplitPartSerializer(many=True)


class PersonUpdatePropertyRequestSerializer(serializers.Serializer[object]):
    """The property to set."""

    key = serializers.CharField(min_length=1, help_text="The name of the property.")
    value = serializers.JSONField(help_text="Any JSON; null is a value.")


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1},
        ]
    }
)
class StringOrStringsField(serializers.JSONField):
    """One string or a list of them."""


class PersonDeletePropertyRequestSerializer(serializers.Serializer[object]):
    """The properties to remove."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """By hand: the name of the field is none in Python."""
        return {"$unset": StringOrStringsField(help_text="The name of the property, or a list of names.")}


class MinimalPersonSerializer(PersonRecordSerializer):
    """A single person with at most 10 distinct ids."""


class PersonBatchByDistinctIdsRequestSerializer(serializers.Serializer[object]):
    """Whom to look up."""

    distinct_ids = serializers.ListField(child=serializers.CharField(), required=False)


class PersonBatchByUuidsRequestSerializer(serializers.Serializer[object]):
    """Whom to look up."""

    uuids = serializers.ListField(child=serializers.UUIDField(), required=False)


class PersonBatchSerializer(serializers.Serializer[object]):
    """The persons found, by the id that was asked for."""

    results = serializers.DictField(child=MinimalPersonSerializer())
    truncated = serializers.BooleanField(
        required=False, help_text="True when entries were left out; else absent."
    )


class CohortOfPersonSerializer(serializers.Serializer[object]):
    """A cohort that the person is in."""

    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True)
    count = serializers.IntegerField(allow_null=True)


class CohortsOfPersonSerializer(serializers.Serializer[object]):
    """The cohorts of a person."""

    results = CohortOfPersonSerializer(many=True)


class CountedSerializer(serializers.Serializer[object]):
    """A value or the name of a property, and how many persons have it."""

    name = serializers.CharField()
    count = serializers.IntegerField()


class PropertyValuesSerializer(serializers.Serializer[object]):
    """Values of a property."""

    results = CountedSerializer(many=True)
    refreshing = serializers.BooleanField(help_text="Always false: the values are those of now.")


class PersonResetDistinctIdRequestSerializer(serializers.Serializer[object]):
    """The distinct id to repair."""

    distinct_id = serializers.CharField(min_length=1)


class ActivityUserSerializer(serializers.Serializer[object]):
    """Who did it."""

    first_name = serializers.CharField()
    email = serializers.EmailField(allow_null=True)
    is_system = serializers.BooleanField(required=False, help_text="There only for the system itself.")


class ActivityChangeSerializer(serializers.Serializer[object]):
    """One change. Values of properties are never told."""

    type = serializers.CharField()
    action = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    before = serializers.JSONField()
    after = serializers.JSONField()


class ActivityDetailSerializer(serializers.Serializer[object]):
    """What happened, in detail."""

    changes = ActivityChangeSerializer(many=True, allow_null=True)
    trigger = NothingField()
    type = serializers.CharField(allow_null=True)
    name = serializers.CharField(allow_null=True)
    short_id = serializers.CharField(allow_null=True)


class ActivityEntrySerializer(serializers.Serializer[object]):
    """Something that was done."""

    id = serializers.UUIDField()
    user = ActivityUserSerializer()
    activity = serializers.CharField()
    scope = serializers.CharField()
    item_id = serializers.CharField(help_text="The integer id of what changed, as text.")
    detail = ActivityDetailSerializer()
    created_at = serializers.DateTimeField()


@extend_schema_serializer(many=False)
class ActivityPageSerializer(serializers.Serializer[object]):
    """A page of the activity log."""

    results = ActivityEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    total_count = serializers.IntegerField()


class PersonMergeRequestSerializer(serializers.Serializer[object]):
    """Who is merged into the person of the path. Give exactly one of `distinct_id` and `person_id`."""

    distinct_id = serializers.CharField(required=False, help_text="A distinct id of the other person.")
    person_id = serializers.CharField(required=False, help_text="The other person's uuid or integer id.")
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Only tell what would be.")


class CohortNameSerializer(serializers.Serializer[object]):
    """A cohort by id and name."""

    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True)


class PersonMergeResponseSerializer(serializers.Serializer[object]):
    """The person as it is with the merge."""

    dry_run = serializers.BooleanField()
    person = PersonRecordSerializer()
    merged_person_uuid = serializers.UUIDField(help_text="Who was merged away.")
    overridden_properties = serializers.DictField(
        child=serializers.JSONField(),
        help_text="Values of the other person that lost against this one's.",
    )
    cohorts = CohortNameSerializer(many=True)


class PersonUndoRequestSerializer(serializers.Serializer[object]):
    """How to take back."""

    dry_run = serializers.BooleanField(required=False, default=False, help_text="Only tell what would be.")


class PersonUndoResponseSerializer(serializers.Serializer[object]):
    """What was taken back."""

    dry_run = serializers.BooleanField()
    undone = serializers.ChoiceField(choices=["merge", "split"])
    person_uuids = serializers.ListField(
        child=serializers.UUIDField(),
        help_text="Of a merge: who is there again. Of a split: who is gone again.",
    )


class PersonBulkDeleteRequestSerializer(serializers.Serializer[object]):
    """Who goes, and what of them. Give exactly one of `ids` and `distinct_ids`."""

    ids = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        max_length=1000,
        help_text="Uuids or integer ids.",
    )
    distinct_ids = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        max_length=1000,
        help_text="Any distinct id of each person.",
    )
    delete_events = serializers.BooleanField(
        required=False, default=False, help_text="Erase all events captured up to now."
    )
    delete_recordings = serializers.BooleanField(
        required=False, default=False, help_text="Accepted; this server stores no recordings."
    )
    keep_person = serializers.BooleanField(required=False, default=False, help_text="Leave the person.")
    dry_run = serializers.BooleanField(required=False, default=False, help_text="Only tell what would be.")


class DeletionErrorSerializer(serializers.Serializer[object]):
    """A person who was not deleted. Try again."""

    person_uuid = serializers.UUIDField()
    step = serializers.CharField()


class PersonBulkDeleteResponseSerializer(serializers.Serializer[object]):
    """What was done. Events are erased within seconds; `deletion_status` tells when."""

    persons_found = serializers.IntegerField()
    persons_deleted = serializers.IntegerField()
    persons_queued_for_deletion = serializers.IntegerField(help_text="Always 0: they are deleted at once.")
    events_queued_for_deletion = serializers.BooleanField()
    recordings_queued_for_deletion = serializers.BooleanField()
    deletion_errors = DeletionErrorSerializer(many=True)
    unmatched_ids = serializers.ListField(child=serializers.CharField())
    unmatched_distinct_ids = serializers.ListField(child=serializers.CharField())


class PersonBulkDeletePreviewSerializer(serializers.Serializer[object]):
    """What a bulk deletion would take away."""

    dry_run = serializers.BooleanField()
    persons = serializers.IntegerField()
    distinct_ids = serializers.IntegerField()
    events = serializers.IntegerField(allow_null=True, help_text="Null when events would stay.")
    unmatched_ids = serializers.ListField(child=serializers.CharField())
    unmatched_distinct_ids = serializers.ListField(child=serializers.CharField())


class AsyncDeletionStatusSerializer(serializers.Serializer[object]):
    """A request to erase the events of a person, and what became of it. It names nobody but by uuid."""

    id = serializers.IntegerField()
    person_uuid = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["pending", "completed"])
    created_at = serializers.DateTimeField(help_text="Time of the request.")
    delete_verified_at = serializers.DateTimeField(
        allow_null=True, help_text="When a count in every store found nothing."
    )
    stage = serializers.ChoiceField(choices=["accepted", "sealed", "removed", "verified", "scrubbed"])
    person_deleted = serializers.BooleanField(help_text="False when only the events were to go.")
    requested_by = serializers.IntegerField(allow_null=True, help_text="Id of the user.")
    counts_before = serializers.DictField(
        child=serializers.IntegerField(), help_text="Rows found, by store; stores without any are left out."
    )
    counts_after = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="Rows left, by store."
    )
    removed_at = serializers.DateTimeField(allow_null=True, help_text="When they went from every answer.")
    scrubbed_at = serializers.DateTimeField(allow_null=True, help_text="When they left the disk.")


@extend_schema_serializer(component_name="PaginatedAsyncDeletionStatusList", many=False)
class DeletionPageSerializer(serializers.Serializer[object]):
    """A page of requests to erase."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AsyncDeletionStatusSerializer(many=True)


class DeletionCheckSerializer(serializers.Serializer[object]):
    """What a new count found."""

    id = serializers.IntegerField()
    is_erased = serializers.BooleanField(help_text="True when nothing was found.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Rows by store.")
    checked_at = serializers.DateTimeField()
