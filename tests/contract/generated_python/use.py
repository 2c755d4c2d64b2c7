"""Lists, splits, asks for a funnel and deletes with the client that was generated from the document.

Arguments: the server, a project, a key, two names of events, and the distinct id of a person with two. Prints one JSON
object. Type checkers must know every value here: the client is used as a program of its users would.
"""

import json
import sys

from persons_client import AuthenticatedClient
from persons_client.api.insights import insights_funnel_create
from persons_client.api.persons import (
    persons_bulk_delete_create,
    persons_funnel_create,
    persons_list,
    persons_split_create,
)
from persons_client.models.funnel_event import FunnelEvent
from persons_client.models.funnel_insight import FunnelInsight
from persons_client.models.funnel_insight_body import FunnelInsightBody
from persons_client.models.funnel_persons import FunnelPersons
from persons_client.models.funnel_persons_body import FunnelPersonsBody
from persons_client.models.funnel_step import FunnelStep
from persons_client.models.group_row import GroupRow
from persons_client.models.paginated_person_record_list import PaginatedPersonRecordList
from persons_client.models.person_bulk_delete_request import PersonBulkDeleteRequest
from persons_client.models.person_bulk_delete_response import PersonBulkDeleteResponse
from persons_client.models.person_list_row import PersonListRow
from persons_client.models.person_split_request import PersonSplitRequest
from persons_client.models.person_split_response import PersonSplitResponse
from persons_client.models.property_filter import PropertyFilter
from persons_client.models.property_filter_operator_type_0 import PropertyFilterOperatorType0
from persons_client.models.property_filter_type import PropertyFilterType


def listed(client: AuthenticatedClient, project: str, distinct_id: str) -> list[PersonListRow]:
    page = persons_list.sync(project, client=client, distinct_id=distinct_id)
    assert isinstance(page, PaginatedPersonRecordList), page
    return page.results


def split(client: AuthenticatedClient, project: str, person: PersonListRow) -> bool:
    done = persons_split_create.sync(
        project,
        str(person.uuid),
        client=client,
        body=PersonSplitRequest(main_distinct_id=person.distinct_ids[0]),
    )
    assert isinstance(done, PersonSplitResponse), done
    return done.success


def steps(events: tuple[str, str]) -> list[FunnelEvent]:
    on_plan = PropertyFilter(
        key="plan", value="team", operator=PropertyFilterOperatorType0.EXACT, type_=PropertyFilterType.PERSON
    )
    first, second = events
    return [FunnelEvent(id=first, order=0, properties=[on_plan]), FunnelEvent(id=second, order=1)]


def counts(client: AuthenticatedClient, project: str, events: tuple[str, str]) -> list[int]:
    numbers = insights_funnel_create.sync(
        project, client=client, body=FunnelInsightBody(events=steps(events))
    )
    assert isinstance(numbers, FunnelInsight), numbers
    assert isinstance(numbers.result, list), numbers.result
    found: list[int] = []
    for step in numbers.result:
        assert isinstance(step, FunnelStep), step
        found.append(step.count)
    return found


def finishers(client: AuthenticatedClient, project: str, events: tuple[str, str]) -> list[str]:
    persons = persons_funnel_create.sync(
        project, client=client, body=FunnelPersonsBody(events=steps(events), funnel_step=2)
    )
    assert isinstance(persons, FunnelPersons), persons
    (page,) = persons.results
    names: list[str] = []
    for person in page.people:
        assert not isinstance(person, GroupRow), person
        names += person.distinct_ids
    return names


def delete(client: AuthenticatedClient, project: str, distinct_ids: list[str]) -> PersonBulkDeleteResponse:
    done = persons_bulk_delete_create.sync(
        project, client=client, body=PersonBulkDeleteRequest(distinct_ids=distinct_ids)
    )
    assert isinstance(done, PersonBulkDeleteResponse), done
    return done


def main() -> None:
    server, project, key, first, second, distinct_id = sys.argv[1:]
    with AuthenticatedClient(base_url=server, token=key, raise_on_unexpected_status=True) as client:
        (person,) = listed(client, project, distinct_id)
        funnel = counts(client, project, (first, second))
        reached = finishers(client, project, (first, second))
        is_split = split(client, project, person)
        left = [one.distinct_ids for name in person.distinct_ids for one in listed(client, project, name)]
        gone = delete(client, project, [distinct_id, "nobody"])
        sys.stdout.write(
            json.dumps(
                {
                    "distinct_ids": person.distinct_ids,
                    "plan": person.properties["plan"],
                    "funnel": funnel,
                    "finishers": reached,
                    "split": is_split,
                    "after split": left,
                    "deleted": gone.persons_deleted,
                    "unmatched": gone.unmatched_distinct_ids,
                }
            )
        )


main()
