-- What happened. One row an event, as captured; `person_id` is who it was at that time, and
-- person_distinct_id_overrides says where its distinct id points now.
--
-- The order puts the events of a day and a name together, which is what every insight reads. Two rows that agree in the whole
-- key are the same event sent twice; merges keep one. toDate32, because toDate begins in 1970 and wraps before: the index would
-- hide older events.
--
-- `properties` holds the text form of each top-level value under an escaped path (core.clickhouse.escape). `typed_keys` lists the
-- paths whose value was not a string: their text is compact JSON, so what was sent can be rebuilt with its types.
--
-- Block number and offset columns make lightweight deletes and updates cheap (patch parts). The deduplication window must be longer
-- than the batches that can be sent between a batch and its repetition after a crash.
CREATE TABLE IF NOT EXISTS events (
    project_id Int64,
    uuid UUID,
    event LowCardinality(String),
    distinct_id String,
    person_id UUID,
    person_mode Enum8('full' = 0, 'propertyless' = 1, 'force_upgrade' = 2),
    timestamp DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC'),
    properties JSON,
    typed_keys Array(LowCardinality(String))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(timestamp)
ORDER BY (project_id, toDate32(timestamp), event, cityHash64(distinct_id), uuid)
SETTINGS
    enable_block_number_column = 1,
    enable_block_offset_column = 1,
    non_replicated_deduplication_window = 10000,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
