"""What Django's models cannot say: the composite foreign key, and how the two buffers are stored."""

from django.db import migrations

FORWARD = """
-- A distinct id and its person are in the same project, and a person with ids cannot vanish from under them.
ALTER TABLE core_persondistinctid
    ADD CONSTRAINT mapping_points_to_person_of_project
    FOREIGN KEY (project_id, person_id) REFERENCES core_person (project_id, id);

-- Room in each page for the next version of a row.
ALTER TABLE core_person SET (fillfactor = 85);

-- Lines live for a second: neither compress them nor move them out of line, and clean up after every few batches.
ALTER TABLE core_eventbuffer ALTER COLUMN line SET STORAGE EXTERNAL;
ALTER TABLE core_eventbuffer SET (
    toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000,
    autovacuum_vacuum_insert_threshold = -1
);
ALTER TABLE core_outbox ALTER COLUMN line SET STORAGE EXTERNAL;
ALTER TABLE core_outbox SET (
    toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50000,
    autovacuum_vacuum_insert_threshold = -1
);
"""

BACKWARD = """
ALTER TABLE core_persondistinctid DROP CONSTRAINT mapping_points_to_person_of_project;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
