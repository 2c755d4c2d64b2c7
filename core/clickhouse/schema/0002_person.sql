-- A replica of PostgreSQL's persons, for filters by person properties. Versions come from PostgreSQL and only grow; the row with
-- the highest one counts, whatever the order of arrival.
CREATE TABLE IF NOT EXISTS person (
    project_id Int64,
    id UUID,
    created_at DateTime64(6, 'UTC'),
    properties JSON,
    typed_keys Array(LowCardinality(String)),
    is_identified Bool,
    version UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project_id, id)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
