import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """What a new person need not pay for: an entry in the index of e-mail addresses without having one, and a second
    look at the project.
    """

    # Indexes are made and dropped beside writes.
    atomic = False

    dependencies = [
        ('core', '0014_posthog_import'),
    ]

    operations = [
        migrations.AlterField(
            model_name='persondistinctid',
            name='project',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project'),
        ),
        AddIndexConcurrently(
            model_name='person',
            index=models.Index(condition=models.Q(('email_start__isnull', False)), fields=['project', 'email_start'], name='person_by_given_email'),
        ),
        RemoveIndexConcurrently(
            model_name='person',
            name='person_by_email',
        ),
    ]
