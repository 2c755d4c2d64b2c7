import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0007_cohorts'),
    ]

    operations = [
        migrations.AddField(
            model_name='personalapikey',
            name='description',
            field=models.CharField(max_length=1000, null=True),
        ),
        migrations.AddIndex(
            model_name='personalapikey',
            index=models.Index(condition=models.Q(('secure_value__startswith', 'pbkdf2_sha256$')), fields=['secure_value'], name='keys_with_older_hashes'),
        ),
        migrations.AddField(
            model_name='project',
            name='app_urls',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), default=list, size=None),
        ),
        migrations.AddField(
            model_name='project',
            name='test_account_filters_default_checked',
            field=models.BooleanField(null=True),
        ),
    ]
