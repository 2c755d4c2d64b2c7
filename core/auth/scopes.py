"""What a key may do: ``<object>:<action>`` or ``*``."""

from collections.abc import Iterable

#: Objects that a scope may name. Clients paste lists, so also those that no route of ours uses are taken: as far as
#: PostHog's documents of its API and its own clients name them. A new one needs such a source.
OBJECTS = frozenset(
    """
    access_control action activity_log alert annotation batch_export cohort comment conversation dashboard
    dashboard_template dataset desktop_recording early_access_feature element endpoint error_tracking
    evaluation event_definition experiment experiment_saved_metric export external_data_schema
    external_data_source feature_flag file_system group health_issue heatmap hog_flow hog_function insight
    insight_variable integration link live_debugger llm_analytics llm_gateway llm_prompt llm_skill logs
    notebook organization organization_integration organization_member person plugin product_enablement
    product_tour project property_definition proxy_record query revenue_analytics session_recording
    session_recording_playlist sharing_configuration signal_scout subscription survey task ticket
    uploaded_media user user_interview warehouse_table warehouse_view web_analytics webhook wizard_session
    """.split()
)
ACTIONS = ("read", "write")
EVERYTHING = "*"
OR = "|"
#: What asks about events demands.
ANALYSIS = f"query:read{OR}insight:read"


def is_scope(text: str) -> bool:
    """Whether ``text`` is a scope that a key may have."""
    scope_object, separator, action = text.partition(":")
    return text == EVERYTHING or (separator == ":" and scope_object in OBJECTS and action in ACTIONS)


def missing_scope(granted: Iterable[str], demanded: Iterable[str]) -> str | None:
    """The first of ``demanded`` that ``granted`` does not satisfy. Writing includes reading; ``*`` satisfies all. Of
    ``alternatives`` joined by ``OR`` one is enough, and the first is named.
    """
    have = set(granted)
    if EVERYTHING in have:
        return None
    for scope in demanded:
        choices = alternatives(scope)
        if not any(choice in have or _written(choice) in have for choice in choices):
            return choices[0]
    return None


def alternatives(scope: str) -> list[str]:
    """The scopes of which a demanded one takes any."""
    return scope.split(OR)


def _written(scope: str) -> str:
    """The scope that includes this one."""
    return f"{scope.removesuffix(':read')}:write" if scope.endswith(":read") else scope
