"""What a person sees at the end of a start."""

import json
import shlex

from rich.console import Console
from rich.markup import escape

from persons_api.embedded.state import StackState
from persons_api.embedded.supervisor import FirstProject

#: Of the demo data.
FUNNEL = ("$pageview", "signed up", "order placed")


def show(console: Console, state: StackState, project: FirstProject | None) -> None:
    console.print(f"\n[bold green]persons-api is up[/] at [bold]{escape(state.url)}[/]")
    if project:
        _show_project(console, state.url, project)
    else:
        console.print("Make a project:  persons-api create-project --name NAME")
        console.print("Make a key:      persons-api create-key --label NAME --scopes person:read,query:read")
    console.print("Stop with Ctrl-C.\n")


def _show_project(console: Console, url: str, project: FirstProject) -> None:
    console.print(f"  project           {project.project_id}")
    console.print(f"  project token     [cyan]{escape(project.api_token)}[/]   for capture, in SDKs")
    console.print(
        f"  personal API key  [cyan]{escape(project.personal_api_key)}[/]   "
        "[bold yellow]shown only this once: note it[/]"
    )
    for title, command in examples(url, project):
        console.print(f"\n[dim]# {title}[/]")
        # Not console.print: a shell needs the line as it is, without wrapping or markup.
        console.out(command, highlight=False)
    console.print()


def examples(url: str, project: FirstProject) -> list[tuple[str, str]]:
    """Commands to paste into a shell, with what they do."""
    persons = f"{url}/api/projects/{project.project_id}/persons/"
    authorization = f"Authorization: Bearer {project.personal_api_key}"
    event = {
        "api_key": project.api_token,
        "event": "$pageview",
        "distinct_id": "me",
        "properties": {"$set": {"email": "me@example.com"}},
    }
    steps = [{"id": name, "type": "events", "order": order} for order, name in enumerate(FUNNEL)]
    capture = [
        "curl",
        "-s",
        f"{url}/i/v0/e/",
        "-H",
        "Content-Type: application/json",
        "-d",
        json.dumps(event),
    ]
    funnel = ["curl", "-sG", f"{persons}funnel/", "-H", authorization]
    for parameter in (f"events={json.dumps(steps)}", "funnel_step=1", "date_from=-30d"):
        funnel += ["--data-urlencode", parameter]
    return [
        ("capture an event", shlex.join(capture)),
        ("list persons", shlex.join(["curl", "-s", f"{persons}?limit=3", "-H", authorization])),
        ("who entered the funnel", shlex.join(funnel)),
    ]
