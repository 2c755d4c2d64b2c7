-- A part has about 13 files for each path of a JSON column that has columns of its own, and a merge has them open for every part that
-- it reads and for the one that it writes. With ClickHouse's 1,024 paths that is more than a system lets a process open: merges fail
-- then, and so does whoever needs a file meanwhile. Further paths go to the shared part of the column, in which a path is found without
-- reading the others, too (5 ms and 7 ms for a path of its own and a shared one among 48,000 persons).
ALTER TABLE events MODIFY COLUMN properties JSON(max_dynamic_paths = 100);
ALTER TABLE person MODIFY COLUMN properties JSON(max_dynamic_paths = 100);
ALTER TABLE person_newest_first MODIFY COLUMN properties JSON(max_dynamic_paths = 100);
ALTER TABLE groups MODIFY COLUMN properties JSON(max_dynamic_paths = 100);
