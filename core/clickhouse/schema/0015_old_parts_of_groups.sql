-- Groups of a deleted project leave the disk when parts are rewritten and the old ones removed (core.clickhouse.purge), as soon as
-- those of the other tables (0010_erasure.sql).
ALTER TABLE groups MODIFY SETTING
    min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1,
    cleanup_delay_period = 2, cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 10;
