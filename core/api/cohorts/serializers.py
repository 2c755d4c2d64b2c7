"""Shapes of cohorts in requests and answers, for the OpenAPI document."""

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_serializer
from rest_framework import serializers

from core.api.persons.serializers import NothingField, PersonListRowSerializer
from core.services.cohorts.save_cohort import TYPES


class UserBasicSerializer(serializers.Serializer[object]):
    """A user."""

    id = serializers.IntegerField()
    uuid = serializers.UUIDField()
    distinct_id = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    email = serializers.EmailField()
    is_email_verified = serializers.BooleanField(allow_null=True)
    hedgehog_config = NothingField()
    role_at_organization = serializers.CharField(allow_null=True)


class UnmatchedRowSerializer(serializers.Serializer[object]):
    """A row of a file that names nobody."""

    row = serializers.IntegerField(help_text="Its line in the file, from 1.")
    value = serializers.CharField(help_text="Empty when what it named has been erased since.")
    reason = serializers.CharField()


class CohortUploadSerializer(serializers.Serializer[object]):
    """What became of a file of persons."""

    naming = serializers.ChoiceField(choices=["person_id", "distinct_id", "email"])
    rows = serializers.IntegerField(help_text="Rows with a value in the column that names persons.")
    done = serializers.IntegerField(help_text="How many of them were looked up.")
    matched = serializers.IntegerField(help_text="Rows that name a person.")
    unmatched = UnmatchedRowSerializer(
        many=True,
        required=False,
        help_text="There only in the answer to the request with a small file; `…/upload/` has it for a day.",
    )


@extend_schema_serializer(many=False)
class CohortUploadReportSerializer(serializers.Serializer[object]):
    """A page of the rows of a file that name nobody."""

    naming = serializers.ChoiceField(choices=["person_id", "distinct_id", "email"])
    rows = serializers.IntegerField(help_text="Rows with a value in the column that names persons.")
    done = serializers.IntegerField(help_text="How many of them were looked up.")
    matched = serializers.IntegerField(help_text="Rows that name a person.")
    count = serializers.IntegerField(help_text="Rows that name nobody, of those that were looked up.")
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = UnmatchedRowSerializer(many=True)


class CohortBasicSerializer(serializers.Serializer[object]):
    """A cohort without its criteria."""

    id = serializers.IntegerField()
    name = serializers.CharField(max_length=400, allow_null=True)
    description = serializers.CharField(max_length=1000)
    deleted = serializers.BooleanField()
    version = serializers.IntegerField(
        allow_null=True, help_text="The request for a calculation that the members come from."
    )
    pending_version = serializers.IntegerField(allow_null=True)
    is_calculating = serializers.BooleanField()
    created_by = UserBasicSerializer(allow_null=True)
    created_at = serializers.DateTimeField()
    last_calculation = serializers.DateTimeField(allow_null=True)
    last_backfill_person_properties_at = serializers.DateTimeField(allow_null=True)
    errors_calculating = serializers.IntegerField()
    last_error_message = serializers.CharField(allow_null=True)
    count = serializers.IntegerField(allow_null=True)
    is_static = serializers.BooleanField()
    cohort_type = serializers.ChoiceField(choices=TYPES, allow_null=True)
    experiment_set = serializers.ListField(
        child=serializers.IntegerField(),
    )


@extend_schema_serializer(component_name="Cohort")
class CohortSerializer(CohortBasicSerializer):
    """A cohort: a named set of persons."""

    groups = serializers.ListField(child=serializers.JSONField())
    filters = serializers.DictField(
        child=serializers.JSONField(),
        help_text='`{"properties": {"type": "AND" | "OR", "values": [...]}}`, see docs/howto/cohorts.md.',
    )
    query = serializers.DictField(child=serializers.JSONField(), allow_null=True)
    upload = CohortUploadSerializer(
        required=False, help_text="How far the last file has come, if there was one."
    )


class CohortRequestSerializer(serializers.Serializer[object]):
    """What a cohort can be given."""

    name = serializers.CharField(max_length=400, allow_null=True, required=False)
    description = serializers.CharField(max_length=1000, required=False)
    deleted = serializers.BooleanField(required=False)
    is_static = serializers.BooleanField(required=False)
    cohort_type = serializers.ChoiceField(choices=TYPES, allow_null=True, required=False)
    groups = serializers.ListField(child=serializers.JSONField(), allow_null=True, required=False)
    filters = serializers.DictField(child=serializers.JSONField(), allow_null=True, required=False)
    query = serializers.DictField(child=serializers.JSONField(), allow_null=True, required=False)
    _create_static_person_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_null=True
    )


class CohortRowSerializer(CohortBasicSerializer):
    """A cohort in a list; with `basic=true` without `groups`, `filters` and `query`."""

    groups = serializers.ListField(child=serializers.JSONField(), allow_null=True, required=False)
    filters = serializers.DictField(child=serializers.JSONField(), required=False)
    query = serializers.DictField(child=serializers.JSONField(), allow_null=True, required=False)


class CohortFormSerializer(serializers.Serializer[object]):
    """The same in a form, where lists and objects are JSON text."""

    name = serializers.CharField(max_length=400, required=False)
    description = serializers.CharField(max_length=1000, required=False)
    deleted = serializers.BooleanField(required=False)
    is_static = serializers.BooleanField(required=False)
    cohort_type = serializers.ChoiceField(choices=TYPES, required=False)
    groups = serializers.CharField(required=False, help_text="A list as JSON.")
    filters = serializers.CharField(required=False, help_text="An object as JSON.")
    query = serializers.CharField(required=False, help_text="An object as JSON.")
    _create_static_person_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_null=True
    )


class CohortUploadFormSerializer(CohortFormSerializer):
    """The same with a file of persons."""

    csv = serializers.FileField(
        required=False,
        help_text="UTF-8; one column, or a header that names one with ids or e-mail addresses.",
    )


@extend_schema_serializer(component_name="Cohort")
class CohortPatchSerializer(CohortRequestSerializer):
    """Fields that are not named stay as they are."""


@extend_schema_serializer(component_name="PaginatedCohortList", many=False)
class CohortPageSerializer(serializers.Serializer[object]):
    """A page of cohorts."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = CohortRowSerializer(many=True)


@extend_schema_serializer(many=False)
class CohortPersonsSerializer(serializers.Serializer[object]):
    """A page of members."""

    results = PersonListRowSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class CohortTableRowSerializer(serializers.Serializer[object]):
    """A member as tables show it."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    distinct_ids = serializers.ListField(child=serializers.CharField(), help_text="At most 10.")
    properties = serializers.DictField(child=serializers.JSONField(), help_text="Without `email`.")
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField(allow_null=True)
    email = serializers.JSONField(required=False, help_text="Absent when the person has none.")


@extend_schema_serializer(many=False)
class CohortTableSerializer(serializers.Serializer[object]):
    """A page of members as tables show them: the answer to `is_csv_export=1`."""

    results = CohortTableRowSerializer(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


#: A page of members in either form.
COHORT_PERSONS = PolymorphicProxySerializer(
    component_name="CohortPersonsOrTable",
    serializers=[CohortPersonsSerializer, CohortTableSerializer],
    resource_type_field_name=None,
    many=False,
)


class AddPersonsToStaticCohortRequestSerializer(serializers.Serializer[object]):
    """Who becomes a member."""

    person_ids = serializers.ListField(child=serializers.UUIDField(), min_length=1, max_length=1000)


class RemovePersonFromStaticCohortRequestSerializer(serializers.Serializer[object]):
    """Who is no member any more."""

    person_id = serializers.UUIDField()


class CohortQuerySerializer(serializers.Serializer[object]):
    """A question that ClickHouse was asked."""

    query = serializers.CharField(help_text="SQL with the names of parameters in place of values.")
    query_id = serializers.CharField(allow_null=True)
    query_ms = serializers.IntegerField(allow_null=True)
    memory_mb = serializers.IntegerField(allow_null=True)
    read_rows = serializers.IntegerField(allow_null=True)
    written_rows = serializers.IntegerField(
        allow_null=True, help_text="Members that were written or removed afterwards."
    )


class CohortCalculationSerializer(serializers.Serializer[object]):
    """One calculation."""

    id = serializers.IntegerField()
    filters = serializers.DictField(child=serializers.JSONField())
    count = serializers.IntegerField(allow_null=True)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    queries = CohortQuerySerializer(many=True, allow_null=True)
    error = serializers.CharField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)
    is_completed = serializers.BooleanField()
    is_successful = serializers.BooleanField()
    total_query_ms = serializers.IntegerField(allow_null=True)
    total_memory_mb = serializers.IntegerField(allow_null=True)
    total_read_rows = serializers.IntegerField(allow_null=True)
    total_written_rows = serializers.IntegerField(allow_null=True)
    main_query = serializers.CharField(allow_null=True)
    main_query_id = serializers.CharField(allow_null=True)


@extend_schema_serializer(many=False)
class CohortCalculationPageSerializer(serializers.Serializer[object]):
    """A page of calculations."""

    results = CohortCalculationSerializer(many=True)
    count = serializers.IntegerField()
    next = serializers.CharField(allow_null=True, help_text="A bare query string: `?limit=…&offset=…`.")
    previous = serializers.CharField(allow_null=True)


class NamedSerializer(serializers.Serializer[object]):
    """Something by id and name."""

    id = serializers.IntegerField()
    name = serializers.CharField(allow_null=True)


@extend_schema_serializer(many=False)
class UsedInBlockSerializer(serializers.Serializer[object]):
    """The first of them, and how many there are."""

    results = NamedSerializer(many=True)
    total = serializers.IntegerField()


class CohortUsedInSerializer(serializers.Serializer[object]):
    """Where a cohort is used."""

    feature_flags = UsedInBlockSerializer(help_text="Always empty: this server has none.")
    insights = UsedInBlockSerializer(help_text="Always empty: this server has none.")
    cohorts = UsedInBlockSerializer()
