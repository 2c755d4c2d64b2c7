-- All distinct ids with their persons, for the search of persons. The row with the highest version counts. Rows of persons who are
-- deleted may remain with version 0: whoever reads here asks `person` who is alive.
CREATE TABLE IF NOT EXISTS person_distinct_id (
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
