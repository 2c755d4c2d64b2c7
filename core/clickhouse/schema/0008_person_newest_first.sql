-- The rows of `person` in the order of the list of persons, for its filters and its search: who is looked for among the newest is
-- found by reading a few rows, and who is rare by an index. A row stays until the merge with a younger one of the same person and time
-- of creation, and for good when that time has changed: whoever reads here compares the version with PostgreSQL's.
--
-- `pairs` are the properties as `path=text`, long ones left out; a path has no `=` (core.clickhouse.escape). `searched` is what the
-- search looks at, besides distinct ids; no text in PostgreSQL has the NUL in between. core/sql/newest_first.py writes both a second
-- time.
--
-- Small granules in small blocks: a page of rare persons reads one of them for each person.
CREATE TABLE IF NOT EXISTS person_newest_first (
    project_id Int64,
    created_at DateTime64(6, 'UTC'),
    id UUID,
    properties JSON,
    version UInt64,
    is_deleted UInt8,
    pairs Array(String) MATERIALIZED arrayFilter(
        pair -> length(pair) <= 200,
        arrayMap((path, value) -> concat(path, '=', value), JSONAllPaths(properties), JSONAllValues(properties))
    ),
    searched String MATERIALIZED lowerUTF8(concat(
        ifNull(properties.`email`.:String, ''), '\0', ifNull(properties.`name`.:String, ''), '\0', toString(id)
    )),
    INDEX by_pair pairs TYPE text(tokenizer = 'array'),
    INDEX by_text searched TYPE text(tokenizer = ngrams(3))
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (project_id, created_at, UUIDToNum(id))
SETTINGS
    index_granularity = 1024,
    min_compress_block_size = 8192,
    max_compress_block_size = 16384,
    fsync_after_insert = 1,
    fsync_part_directory = 1;
-- Every insert into `person` goes here, too.
CREATE MATERIALIZED VIEW IF NOT EXISTS person_to_newest_first TO person_newest_first
AS SELECT project_id, created_at, id, properties, version, is_deleted FROM person;
-- What was there before the view; rows that come twice are one.
INSERT INTO person_newest_first (project_id, created_at, id, properties, version, is_deleted)
SELECT project_id, created_at, id, properties, version, is_deleted FROM person;
-- For the search by a part of a distinct id.
ALTER TABLE person_distinct_id ADD INDEX IF NOT EXISTS by_text lowerUTF8(distinct_id) TYPE text(tokenizer = ngrams(3));
ALTER TABLE person_distinct_id MATERIALIZE INDEX by_text;
