"""What webhooks can be told of."""

PERSON_UPDATED = "person.updated"
PERSON_MERGED = "person.merged"
PERSON_SPLIT = "person.split"
PERSON_DELETED = "person.deleted"
COHORT_ENTERED = "cohort.entered"
COHORT_LEFT = "cohort.left"

EVENTS = (PERSON_UPDATED, PERSON_MERGED, PERSON_SPLIT, PERSON_DELETED, COHORT_ENTERED, COHORT_LEFT)
#: Sent on request only, to see whether a receiver answers.
TEST = "webhook.test"
