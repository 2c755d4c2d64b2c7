"""Webhooks, and the events on their way to them. Who joins or leaves a cohort is noted by triggers, whoever writes it."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

_TELL = """
WITH told AS MATERIALIZED (
    SELECT gen_random_uuid() AS event_id, m.project_id, p.uuid, clock_timestamp() AS at,
        jsonb_build_object(
            'cohort', jsonb_build_object('id', c.id, 'name', c.name), 'person', jsonb_build_object('uuid', p.uuid)
        ) AS data
    FROM $MEMBERS m
    JOIN core_person p ON p.id = m.person_id AND p.project_id = m.project_id
    JOIN core_cohort c ON c.id = m.cohort_id AND NOT c.deleted
    WHERE EXISTS (
        SELECT FROM core_webhook w WHERE w.project_id = m.project_id AND w.enabled AND '$EVENT' = ANY(w.events)
    )
)
INSERT INTO core_webhookdelivery (
    project_id, webhook_id, event_id, event, persons, names, data, state, attempts, created_at, queued_at, due_at
)
SELECT told.project_id, w.id, told.event_id, '$EVENT', ARRAY[told.uuid], ARRAY[]::text[], told.data, 'waiting', 0,
    told.at, told.at, told.at
FROM told JOIN core_webhook w ON w.project_id = told.project_id AND w.enabled AND '$EVENT' = ANY(w.events)
ORDER BY told.uuid, w.id
"""


def _tell(members, event):
    return _TELL.replace("$MEMBERS", members).replace("$EVENT", event)


TRIGGERS = f"""
CREATE FUNCTION core_tell_member_changes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM core_webhook WHERE enabled AND events && ARRAY['cohort.entered', 'cohort.left']::varchar[]
    ) THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        {_tell("removed", "cohort.left")};
    END IF;
    IF TG_OP <> 'DELETE' THEN
        {_tell("added", "cohort.entered")};
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER tell_added AFTER INSERT ON core_cohortmember
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_member_changes();
CREATE TRIGGER tell_removed AFTER DELETE ON core_cohortmember
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_member_changes();
CREATE TRIGGER tell_moved AFTER UPDATE ON core_cohortmember
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION core_tell_member_changes();
"""  # noqa: S608 - put together from constants

NO_TRIGGERS = """
DROP TRIGGER tell_added ON core_cohortmember;
DROP TRIGGER tell_removed ON core_cohortmember;
DROP TRIGGER tell_moved ON core_cohortmember;
DROP FUNCTION core_tell_member_changes;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0010_data_versions'),
    ]

    operations = [
        migrations.CreateModel(
            name='Webhook',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('url', models.CharField(max_length=2000)),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), size=None)),
                ('description', models.CharField(blank=True, default='', max_length=1000)),
                ('enabled', models.BooleanField(default=True)),
                ('secret_salt', models.BinaryField(max_length=16)),
                ('previous_salt', models.BinaryField(max_length=16, null=True)),
                ('previous_until', models.DateTimeField(null=True)),
                ('secret_mask', models.CharField(max_length=20)),
                ('failures', models.IntegerField(default=0)),
                ('paused_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project')),
            ],
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('event_id', models.UUIDField()),
                ('event', models.CharField(max_length=40)),
                ('persons', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None)),
                ('names', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('data', models.JSONField()),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('dead', 'Dead')], default='waiting', max_length=9)),
                ('attempts', models.IntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('queued_at', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('last_attempt_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('last_status', models.IntegerField(null=True)),
                ('last_error', models.TextField(null=True)),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project')),
                ('webhook', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.webhook')),
            ],
            options={
                'indexes': [
                    models.Index(fields=['webhook', 'id'], name='webhook_deliveries_in_order'),
                    models.Index(condition=models.Q(('state', 'waiting')), fields=['webhook', 'id'], name='webhook_deliveries_waiting'),
                    models.Index(condition=models.Q(('state', 'waiting')), fields=['webhook', 'due_at'], name='webhook_deliveries_due'),
                    models.Index(condition=models.Q(('state', 'dead')), fields=['webhook', 'id'], name='webhook_deliveries_dead'),
                    models.Index(condition=models.Q(('ended_at__isnull', False)), fields=['ended_at'], name='webhook_deliveries_ended'),
                    django.contrib.postgres.indexes.GinIndex(fields=['names'], name='webhook_deliveries_by_name'),
                ],
                'constraints': [models.UniqueConstraint(fields=('webhook', 'event_id'), name='an_event_once_a_webhook')],
            },
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
