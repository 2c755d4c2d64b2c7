-- A patch part of the first version says which rows of which part it changes. One of the second, which is ClickHouse's default, has the
-- sorting key of each row instead, with the distinct ids of what was deleted, and whoever reads the table reads its whole key to find
-- them: three times the processor time for a count over the events, eight times for writing the patches into the parts
-- (docs/decisions/0009-erasure.md). A part that is merged meanwhile is dealt with either way.
ALTER TABLE events MODIFY SETTING patch_parts_version = 'v1';
ALTER TABLE person MODIFY SETTING patch_parts_version = 'v1';
ALTER TABLE person_newest_first MODIFY SETTING patch_parts_version = 'v1';
ALTER TABLE cohort_members MODIFY SETTING patch_parts_version = 'v1';
ALTER TABLE person_distinct_id MODIFY SETTING patch_parts_version = 'v1';
ALTER TABLE person_distinct_id_overrides MODIFY SETTING patch_parts_version = 'v1';
-- Times of a block differ in their low bits only, and those are random: without the high ones they are a
-- quarter smaller and read in a third of the time, and there is nothing for ZSTD to find. Parts come to be so when they are merged.
ALTER TABLE events MODIFY COLUMN timestamp CODEC(T64, LZ4);
ALTER TABLE events MODIFY COLUMN received_at CODEC(T64, LZ4);
