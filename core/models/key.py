"""Personal API keys."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class PersonalAPIKey(models.Model):
    """A key of a user. Only its hash is kept; the clear text is shown once, when it is made."""

    id = models.CharField(primary_key=True, max_length=50)
    user = models.ForeignKey("core.User", on_delete=models.CASCADE, related_name="personal_api_keys")
    label = models.CharField(max_length=40)
    description = models.CharField(max_length=1000, null=True)  # noqa: DJ001 - the contract shows null
    #: First and last four characters, so that its owner recognises it.
    mask_value = models.CharField(max_length=11)
    #: ``sha256$`` and the hex digest of the clear text; keys brought along from elsewhere may have an older form until
    #: their next use (``core.auth.keys``).
    secure_value = models.CharField(max_length=300, unique=True)
    scopes = ArrayField(models.CharField(max_length=100))
    #: Project ids that the key is limited to; empty means every project of its user.
    scoped_projects = ArrayField(models.BigIntegerField(), default=list)
    #: Organization ids that the key is limited to; empty means every organization of its user.
    scoped_organizations = ArrayField(models.UUIDField(), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)
    last_rolled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # Of nearly no rows: tells at once that there is nothing to compute slow hashes for.
            models.Index(
                fields=["secure_value"],
                condition=models.Q(secure_value__startswith="pbkdf2_sha256$"),
                name="keys_with_older_hashes",
            )
        ]

    def __str__(self) -> str:
        return f"{self.label} ({self.mask_value})"
