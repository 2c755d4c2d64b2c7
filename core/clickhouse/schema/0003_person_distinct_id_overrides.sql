-- Where a distinct id points now, for ids that did not always belong to their present person (mapping version above 0). The row
-- with the highest version counts.
CREATE TABLE IF NOT EXISTS person_distinct_id_overrides (
    project_id Int64,
    distinct_id String,
    person_id UUID,
    version UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, distinct_id)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
