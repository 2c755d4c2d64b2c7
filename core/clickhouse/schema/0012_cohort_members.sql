-- Who is in which cohort: a replica of PostgreSQL's `core_cohortmember`. The row with the highest version counts; versions come from
-- one sequence of PostgreSQL. `person_version` is the person's when the row was made: the rows of a life that ended are those below
-- the version of the death (core.clickhouse.erase).
CREATE TABLE IF NOT EXISTS cohort_members (
    project_id Int64,
    cohort_id Int64,
    person_id UUID,
    person_version UInt64,
    version UInt64,
    is_deleted UInt8
)
ENGINE = ReplacingMergeTree(version, is_deleted)
ORDER BY (project_id, cohort_id, person_id)
SETTINGS
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1,
    enable_block_number_column = 1, enable_block_offset_column = 1,
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
-- As they come: many persons who joined, or left, a cohort by one statement of PostgreSQL. Nothing stays here.
CREATE TABLE IF NOT EXISTS cohort_member_changes (
    project_id Int64,
    cohort_id Int64,
    version UInt64,
    is_deleted UInt8,
    person_ids Array(UUID),
    person_versions Array(UInt64)
)
ENGINE = Null;
CREATE MATERIALIZED VIEW IF NOT EXISTS cohort_member_changes_to_members TO cohort_members
AS SELECT project_id, cohort_id, person_id, person_version, version, is_deleted
FROM cohort_member_changes ARRAY JOIN person_ids AS person_id, person_versions AS person_version;
-- Calculations lent themselves members here.
DROP TABLE IF EXISTS cohort_criteria_members;
