-- When ClickHouse got the row: a squash takes overrides that have been at rest for a while.
ALTER TABLE person_distinct_id_overrides ADD COLUMN IF NOT EXISTS changed_at DateTime DEFAULT now();
-- Rows from before have been there since now, and not since whenever they are read.
ALTER TABLE person_distinct_id_overrides MATERIALIZE COLUMN changed_at;
-- The overrides that a squash is writing into events; empty between squashes. `run` names the squash, so that another one cannot
-- remove by these rows.
CREATE TABLE IF NOT EXISTS overrides_to_squash (
    run UUID,
    project_id Int64,
    distinct_id String,
    person_id UUID,
    version UInt64
)
ENGINE = MergeTree
ORDER BY (run, project_id, distinct_id);
-- The same in memory, for mutations to look into. It stays when it is empty: a squash that was killed may have left one behind.
CREATE TABLE IF NOT EXISTS overrides_to_squash_by_id (
    run UUID,
    project_id Int64,
    distinct_id String,
    person_id UUID,
    version UInt64
)
ENGINE = Join(ANY, LEFT, project_id, distinct_id)
SETTINGS persistent = 0;
