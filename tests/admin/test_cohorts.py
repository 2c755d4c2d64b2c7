"""Cohorts in the admin: the list, one of them, and its calculation."""

from core.models import Cohort
from tests.admin.staff import Admin
from tests.clients import ProjectClient
from tests.persons import join, make_listed

FILTERS = {
    "properties": {
        "type": "OR",
        "values": [
            {
                "type": "AND",
                "values": [{"key": "plan", "type": "person", "value": ["team"], "operator": "exact"}],
            }
        ],
    }
}


def calculated(admin: Admin) -> Cohort:
    """A dynamic cohort that nobody is calculating."""
    cohorts = Cohort.objects.for_project(admin.project.id)
    made = admin.project.post(
        f"/api/projects/{admin.project.id}/cohorts/", {"name": "Team plan", "filters": FILTERS}
    )
    assert made.status_code == 201, made.text
    cohorts.filter(pk=made.json()["id"]).update(is_calculating=False)
    return cohorts.get(pk=made.json()["id"])


def test_cohorts_are_shown_with_their_persons(admin: Admin) -> None:
    dynamic = calculated(admin)
    static = join(admin.project, "Friends", make_listed(admin.project, "ada"))

    shown = admin.page(admin.url("cohorts/"))
    assert "Team plan dynamic" in shown
    assert "Friends static 1" in shown
    assert "Friends" not in admin.page(admin.url("cohorts/"), q="team")
    page = admin.page(admin.url(f"cohorts/{dynamic.pk}/"))
    assert '"key": "plan"' in page
    assert "Recalculate" in page
    assert "Recalculate" not in admin.page(admin.url(f"cohorts/{static.pk}/"))
    for number in ("0", "-1", "x", "9" * 30):
        assert "Friends" in admin.page(admin.url("cohorts/"), page="1" if number[0] == "9" else number)


def test_a_calculation_is_asked_for(admin: Admin) -> None:
    cohort = calculated(admin)

    said = admin.done(admin.url(f"cohorts/{cohort.pk}/recalculate/"))

    assert "The calculation was asked for" in said
    again = Cohort.objects.for_project(admin.project.id).get(pk=cohort.pk)
    assert (again.pending_version or 0) == (cohort.pending_version or 0) + 1


def test_a_static_cohort_is_not_calculated(admin: Admin) -> None:
    cohort = join(admin.project, "Friends")

    said = admin.done(admin.url(f"cohorts/{cohort.pk}/recalculate/"))

    assert "A static cohort has the members that it was given." in said
    assert admin.http.get(admin.url(f"cohorts/{cohort.pk}/recalculate/")).status_code == 405


def test_a_cohort_of_another_project_is_not_there(admin: Admin, other_project: ProjectClient) -> None:
    theirs = join(other_project, "Theirs")

    assert admin.http.get(admin.url(f"cohorts/{theirs.pk}/")).status_code == 404
    assert admin.send(admin.url(f"cohorts/{theirs.pk}/recalculate/")).status_code == 404
    assert "Theirs" not in admin.page(admin.url("cohorts/"))
