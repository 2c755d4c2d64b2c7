-- A replica of PostgreSQL's groups, for filters by their properties. Versions come from PostgreSQL and only grow; the row with the
-- highest one counts. `properties` and `typed_keys` are as in `events`.
CREATE TABLE IF NOT EXISTS groups (
    project_id Int64,
    type_index UInt8,
    key String,
    created_at DateTime64(6, 'UTC'),
    properties JSON,
    typed_keys Array(LowCardinality(String)),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, type_index, key)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
-- The key of the group of each type that an event happened in, by the index of the type; empty where there is none.
ALTER TABLE events
    ADD COLUMN IF NOT EXISTS group_0 String DEFAULT '',
    ADD COLUMN IF NOT EXISTS group_1 String DEFAULT '',
    ADD COLUMN IF NOT EXISTS group_2 String DEFAULT '',
    ADD COLUMN IF NOT EXISTS group_3 String DEFAULT '',
    ADD COLUMN IF NOT EXISTS group_4 String DEFAULT '';
