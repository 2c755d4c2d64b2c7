"""Requests to erase, and ways to find what is kept about a person elsewhere."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Delivery adds it from created_at now.
RECEIVED = """
UPDATE core_eventbuffer SET line = (line::jsonb - 'received_at')::text;
"""

NAMED_IN_JOURNAL = """
CREATE INDEX identity_changes_by_name ON core_identitychange USING gin ((
    jsonb_path_query_array(state, '$.*.uuid')
    || jsonb_path_query_array(state, '$.*.distinct_id')
    || jsonb_path_query_array(state, '$.distinct_ids[*]')
));
"""

NAMED_IN_ACTIVITY = """
CREATE INDEX activity_by_distinct_id ON core_activityentry USING gin ((
    jsonb_path_query_array(detail, '$.changes[*].after.distinct_ids[*]')
)) WHERE activity = 'split_person';
"""

# Every string of an answer, names of fields not included.
NAMED_IN_ANSWERS = """
UPDATE core_idempotentrequest SET answer = 'null' WHERE answer = '';
CREATE INDEX idempotent_answers_by_name ON core_idempotentrequest USING gin ((
    jsonb_path_query_array(answer::jsonb, 'strict $.** ? (@.type() == "string")')
));
"""


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0005_first_ids'),
    ]

    operations = [
        migrations.CreateModel(
            name='DeletionRequest',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('person_uuid', models.UUIDField()),
                ('erases_person', models.BooleanField()),
                ('erases_events', models.BooleanField()),
                ('stage', models.CharField(choices=[('accepted', 'Accepted'), ('sealed', 'Sealed'), ('removed', 'Removed'), ('verified', 'Verified'), ('scrubbed', 'Scrubbed')], default='accepted', max_length=8)),
                ('revision', models.IntegerField(default=0)),
                ('persons', models.JSONField(default=list)),
                ('counts_before', models.JSONField(default=dict)),
                ('counts_after', models.JSONField(null=True)),
                ('created_at', models.DateTimeField()),
                ('removed_at', models.DateTimeField(null=True)),
                ('delete_verified_at', models.DateTimeField(null=True)),
                ('scrubbed_at', models.DateTimeField(null=True)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='DeletionId',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('digest', models.BinaryField(max_length=16)),
                ('distinct_id', models.CharField(max_length=400, null=True)),
                ('moment', models.DateTimeField()),
                ('version', models.BigIntegerField(null=True)),
                ('project', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project')),
                ('request', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.deletionrequest')),
            ],
        ),
        migrations.AddConstraint(
            model_name='deletionrequest',
            constraint=models.UniqueConstraint(condition=models.Q(('delete_verified_at', None)), fields=('project', 'person_uuid', 'erases_events'), name='one_pending_deletion_a_person'),
        ),
        migrations.AddIndex(
            model_name='deletionrequest',
            index=models.Index(condition=models.Q(('erases_events', True)), fields=['project', '-created_at', '-id'], name='deletions_newest_first'),
        ),
        migrations.AddIndex(
            model_name='deletionrequest',
            index=models.Index(condition=models.Q(('erases_events', True)), fields=['project', 'person_uuid'], name='deletions_of_a_person'),
        ),
        migrations.AddIndex(
            model_name='deletionrequest',
            index=models.Index(condition=models.Q(('delete_verified_at', None)), fields=['id'], name='pending_deletions'),
        ),
        migrations.AddIndex(
            model_name='deletionrequest',
            index=models.Index(condition=models.Q(('stage', 'verified')), fields=['id'], name='deletions_to_scrub'),
        ),
        migrations.AddConstraint(
            model_name='deletionid',
            constraint=models.UniqueConstraint(fields=('request', 'digest'), name='a_distinct_id_once_a_deletion'),
        ),
        migrations.AlterField(
            model_name='idempotentrequest',
            name='answer',
            field=models.TextField(default='null'),
        ),
        migrations.RunSQL(RECEIVED, migrations.RunSQL.noop),
        migrations.RunSQL(NAMED_IN_JOURNAL, "DROP INDEX identity_changes_by_name"),
        migrations.RunSQL(NAMED_IN_ACTIVITY, "DROP INDEX activity_by_distinct_id"),
        migrations.RunSQL(NAMED_IN_ANSWERS, "DROP INDEX idempotent_answers_by_name"),
    ]
