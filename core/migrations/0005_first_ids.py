"""ClickHouse gets all distinct ids: those that are known already queue for it."""

from django.db import migrations, models


FORWARD = """
INSERT INTO core_outbox (project_id, target, line)
SELECT m.project_id, 'person_distinct_id', json_build_object(
    'project_id', m.project_id, 'distinct_id', m.distinct_id, 'person_id', p.uuid, 'version', m.version, 'is_deleted', 0
)::text
FROM core_persondistinctid m JOIN core_person p ON p.id = m.person_id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0004_journal'),
    ]

    operations = [
        migrations.AlterField(
            model_name='outbox',
            name='target',
            field=models.CharField(choices=[('person', 'Person'), ('person_distinct_id', 'First Id'), ('person_distinct_id_overrides', 'Override'), ('groups', 'Group')], max_length=40),
        ),
        migrations.RunSQL(FORWARD, migrations.RunSQL.noop),
    ]
