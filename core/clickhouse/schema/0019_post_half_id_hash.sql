-- What 0018 has a better form of.
DROP VIEW IF EXISTS ids_to_erase_hashed;
DROP TABLE IF EXISTS id_hashes_to_erase;
ALTER TABLE events DROP COLUMN IF EXISTS id_hash;
