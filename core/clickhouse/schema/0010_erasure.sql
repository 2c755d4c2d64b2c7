-- What an erasure is about, in memory only: nothing of it comes to the disk. Empty between erasures; `run` names the one whose rows
-- they are. Rows about a distinct id go up to `moment` (events, microseconds since 1970, by receipt) and up to a version (mappings,
-- overrides); -1 takes none.
CREATE TABLE IF NOT EXISTS ids_to_erase (
    run UUID,
    project_id Int64,
    distinct_id String,
    moment Int64,
    version Int64,
    override_version Int64
)
ENGINE = Join(ANY, LEFT, project_id, distinct_id)
SETTINGS persistent = 0;
-- Rows of `person` below `version` go; the row of the death itself says nothing about anybody and stays.
CREATE TABLE IF NOT EXISTS persons_to_erase (
    run UUID,
    project_id Int64,
    id UUID,
    version Int64
)
ENGINE = Join(ANY, LEFT, project_id, id)
SETTINGS persistent = 0;
-- What was erased leaves the disk when parts are rewritten and the old ones removed (core.clickhouse.scrub). ClickHouse keeps old
-- parts for minutes, for the case that the machine dies before new ones are on the disk; so those are made sure of at once.
-- Block numbers and offsets let rows be deleted by patch parts, without a mutation.
ALTER TABLE events MODIFY SETTING
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
ALTER TABLE person MODIFY SETTING
    enable_block_number_column = 1, enable_block_offset_column = 1,
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
ALTER TABLE person_distinct_id MODIFY SETTING
    enable_block_number_column = 1, enable_block_offset_column = 1,
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
ALTER TABLE person_distinct_id_overrides MODIFY SETTING
    enable_block_number_column = 1, enable_block_offset_column = 1,
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
ALTER TABLE overrides_to_squash MODIFY SETTING
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
ALTER TABLE person_newest_first MODIFY SETTING
    enable_block_number_column = 1, enable_block_offset_column = 1,
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
