-- Whom an erasure is about, in memory only, beside `ids_to_erase` and `persons_to_erase`: a set is looked into much faster than a join.
-- The names of one project may be those of another, too; the joins tell.
CREATE TABLE IF NOT EXISTS distinct_ids_to_erase (
    distinct_id String
)
ENGINE = Set
SETTINGS persistent = 0;
CREATE TABLE IF NOT EXISTS uuids_to_erase (
    id UUID
)
ENGINE = Set
SETTINGS persistent = 0;
