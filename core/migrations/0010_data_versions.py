import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0009_cohort_member_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='DataVersion',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('part', models.IntegerField()),
                ('version', models.BigIntegerField()),
                ('project', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.project')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('project', 'part'), name='a_version_a_part')],
            },
        ),
    ]
