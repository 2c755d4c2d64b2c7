"""Changes of members go to ClickHouse: triggers queue them, so that nobody who writes members can forget it."""

from django.db import migrations, models

# A line tells of up to a thousand persons who joined, or left, a cohort by one statement: rows that were made together
# have numbers that follow each other, so who joined together goes together, and nothing need be sorted or counted.
# Persons must be there still: who deletes one ends its memberships before.
_QUEUE = """
INSERT INTO core_outbox (project_id, target, line)
SELECT project_id, 'cohort_member_changes', concat(
    '{"project_id":', project_id, ',"cohort_id":', cohort_id, ',"version":', $VERSION, ',"is_deleted":', $IS_DELETED,
    ',"person_ids":["', string_agg(uuid::text, '","'),
    '"],"person_versions":[', string_agg(version::text, ','), ']}')
FROM (
    SELECT m.project_id, m.cohort_id, p.uuid, p.version, m.id / 1000 AS part
    FROM $MEMBERS m JOIN core_person p ON p.id = m.person_id AND p.project_id = m.project_id
) AS members GROUP BY project_id, cohort_id, part
"""


def _queue(members: str, *, version: str, is_deleted: bool) -> str:
    filled = _QUEUE.replace("$MEMBERS", members).replace("$VERSION", version)
    return filled.replace("$IS_DELETED", str(int(is_deleted)))


# Two statements that change the same member come one after the other (a row's lock, the unique constraint), and the
# version is drawn after the change: so the later one has the higher version. Who left is queued below who joined, for
# one row of a statement may take the place that another one leaves.
FORWARD = f"""
CREATE SEQUENCE core_cohortmember_version_seq;

CREATE FUNCTION core_queue_member_changes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    change_version bigint;
BEGIN
    -- Apart from TG_OP: what names a table that is not there cannot even be asked.
    IF TG_OP <> 'INSERT' THEN
        IF EXISTS (SELECT FROM removed) THEN
            change_version := nextval('core_cohortmember_version_seq');
            {_queue("removed", version="change_version", is_deleted=True)};
        END IF;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        IF EXISTS (SELECT FROM added) THEN
            change_version := nextval('core_cohortmember_version_seq');
            {_queue("added", version="change_version", is_deleted=False)};
        END IF;
    END IF;
    RETURN NULL;
END
$$;

-- From here to the end of the migration nobody writes members.
CREATE TRIGGER queue_added AFTER INSERT ON core_cohortmember
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION core_queue_member_changes();
CREATE TRIGGER queue_removed AFTER DELETE ON core_cohortmember
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION core_queue_member_changes();
CREATE TRIGGER queue_moved AFTER UPDATE ON core_cohortmember
    REFERENCING OLD TABLE AS removed NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION core_queue_member_changes();

{_queue("core_cohortmember", version="0", is_deleted=False)};
"""  # noqa: S608 - put together from constants

BACKWARD = """
DROP TRIGGER queue_added ON core_cohortmember;
DROP TRIGGER queue_removed ON core_cohortmember;
DROP TRIGGER queue_moved ON core_cohortmember;
DROP FUNCTION core_queue_member_changes;
DROP SEQUENCE core_cohortmember_version_seq;
DELETE FROM core_outbox WHERE target = 'cohort_member_changes';
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0008_accounts")]

    operations = [
        migrations.AlterField(
            model_name="outbox",
            name="target",
            field=models.CharField(
                max_length=40,
                choices=[
                    ("person", "Person"),
                    ("person_distinct_id", "First Id"),
                    ("person_distinct_id_overrides", "Override"),
                    ("groups", "Group"),
                    ("cohort_member_changes", "Members"),
                ],
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
