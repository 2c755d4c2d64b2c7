-- The members of cohorts that the criteria of another cohort refer to, put here by PostgreSQL while that one is calculated; empty
-- between calculations, of which one runs at a time.
CREATE TABLE IF NOT EXISTS cohort_criteria_members (
    project_id Int64,
    cohort_id Int64,
    person_id UUID
)
ENGINE = MergeTree
ORDER BY (project_id, cohort_id, person_id);
