"""
PURE: the rules of each kind of object, as data.

`fields` that a PATCH takes, fields that only a create takes, fields that are sent and never read,
actions in the form of fields, fields that the server owns, and references to other objects. Paths
are dotted. A test compares the rules with the inventory of operations.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import attrs

from fivetran_async.errors import InvalidArgumentError

if TYPE_CHECKING:
    from fivetran_async._services import ServiceKind

_NEVER_CHANGED: Final = (
    "objects of this kind are exported and compared, but never changed by a plan"
)
_SECRETS_SHOWN_ONCE: Final = "its secrets are shown once, so a plan never creates or rotates it"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@attrs.frozen(kw_only=True)
class KindRules:
    """
    The rules of one kind.

    Attributes:
        name: The first part of addresses, such as `connections`.
        noun: One object of the kind, in messages.
        changed: Fields that a PATCH takes.
        created: Fields that only a create takes.
        sent: Fields that are sent and never returned.
        actions: Fields that start an action instead of setting a value; not allowed in files.
        owned: Fields that the server sets; not allowed in files.
        observed: Fields of the server that snapshots keep for checks and hazards.
        kept: The observed fields that a folder keeps.
        references: Paths to addresses, and the kinds they can refer to.
        sets: Paths of lists without a meaningful order.
        whole: Paths of objects that are sent whole when a part of them changed.
        secrets: Paths of values that are secret, besides those that the table of services marks.
        assignments: Paths of lists of `NAME=VALUE`; the values are secret, the names are not.
        named: Paths of free objects in which the name of a value decides if it is secret.
        enums: Paths of words in which letter case has no meaning.
        defaults: What the server returns for fields that are empty.
        config_kind: The kind of service that describes `config`.
        refused: Why a plan never changes objects of this kind; empty if it does.
        asked_for: True if an export reads the kind only when it is named, for its cost.
    """

    name: str
    noun: str
    changed: frozenset[str] = frozenset()
    created: frozenset[str] = frozenset()
    sent: frozenset[str] = frozenset()
    actions: frozenset[str] = frozenset()
    owned: frozenset[str] = frozenset()
    observed: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    references: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict[str, "tuple[str, ...]"])
    sets: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    assignments: frozenset[str] = frozenset()
    named: frozenset[str] = frozenset()
    enums: frozenset[str] = frozenset()
    defaults: Mapping[str, object] = attrs.field(factory=dict[str, object])
    config_kind: ServiceKind | None = None
    refused: str = ""
    asked_for: bool = False

    @functools.cached_property
    def readable(self) -> frozenset[str]:
        """The top-level fields that an export writes."""
        return frozenset(path.partition(".")[0] for path in self.changed | self.created)

    @functools.cached_property
    def accepted(self) -> frozenset[str]:
        """The top-level fields that files can have."""
        return self.readable | self.sent

    @functools.cached_property
    def shown(self) -> frozenset[str]:
        """Every field that an object can have as an attribute."""
        return self.accepted | self.owned | self.observed


_LINKS: Final = {
    "private_link_id": ("private_links",),
    "proxy_agent_id": ("proxy_agents",),
    "hybrid_deployment_agent_id": ("hybrid_deployment_agents",),
    "external_secrets_manager_id": ("external_secrets_managers",),
}
_GROUP: Final = {"group_id": ("groups",)}
_NAMING: Final = _words("config.schema config.table config.schema_prefix config.table_group_name")

_ALL: Final = (
    KindRules(
        name="groups",
        noun="group",
        changed=_words("name"),
        owned=_words("id created_at"),
    ),
    KindRules(
        name="destinations",
        noun="destination",
        changed=_words(
            "config region time_zone_offset daylight_saving_time_enabled networking_method"
            " private_link_id proxy_agent_id hybrid_deployment_agent_id"
            " external_secrets_manager_id external_secrets_keys_config"
        ),
        created=_words("group_id service"),
        sent=_words("trust_certificates trust_fingerprints"),
        owned=_words("id setup_status setup_tests local_processing_agent_id run_setup_tests"),
        observed=_words("setup_status"),
        references=_GROUP | _LINKS,
        enums=_words("networking_method region"),
        config_kind="destination",
    ),
    KindRules(
        name="connections",
        noun="connection",
        changed=_words(
            "config paused pause_after_trial sync_frequency schedule schedule_type data_checks"
            " daily_sync_time data_delay_sensitivity data_delay_threshold networking_method"
            " private_link_id proxy_agent_id hybrid_deployment_agent_id destination_configuration"
            " external_secrets_manager_id external_secrets_keys_config"
        ),
        created=_words("group_id service destination_schema_names connect_card_config") | _NAMING,
        sent=_words("auth trust_certificates trust_fingerprints"),
        actions=_words("is_historical_sync schema_status"),
        owned=_words(
            "id schema status connected_by created_at succeeded_at failed_at service_version"
            " setup_tests source_sync_details connect_card run_setup_tests"
            " local_processing_agent_id"
        ),
        observed=_words("schema status connected_by created_at succeeded_at failed_at"),
        kept=_words("created_at"),
        references=_GROUP | _LINKS,
        sets=_words("schedule.days_of_week"),
        whole=_words("schedule"),
        secrets=_words("auth"),
        named=_words("destination_configuration"),
        enums=_words(
            "networking_method schedule_type data_delay_sensitivity destination_schema_names"
            " schedule.schedule_type schedule.days_of_week"
        ),
        defaults={"daily_sync_time": "00:00"},
        config_kind="source",
    ),
    KindRules(
        name="schemas",
        noun="schema config",
        changed=_words("schema_change_handling schemas"),
        sent=_words("is_type_locked"),
        owned=_words("enable_new_by_default row_filtering_supported"),
        observed=_words("locked unsupported"),
        enums=_words("schema_change_handling"),
    ),
    KindRules(
        name="webhooks",
        noun="webhook",
        changed=_words("active events secret url"),
        created=_words("type group_id"),
        owned=_words("id created_at created_by run_tests"),
        references=_GROUP,
        sets=_words("events"),
        secrets=_words("secret"),
        enums=_words("type"),
    ),
    KindRules(
        name="users",
        noun="user",
        changed=_words("given_name family_name phone picture role"),
        created=_words("email user_type"),
        owned=_words("id active verified invited logged_in_at created_at has_api_key"),
        observed=_words("active invited logged_in_at created_at"),
        kept=_words("logged_in_at created_at"),
    ),
    KindRules(
        name="teams",
        noun="team",
        changed=_words("name description role"),
        owned=_words("id"),
    ),
    KindRules(
        name="memberships",
        noun="membership",
        changed=_words("role"),
        created=_words("user_id team_id group_id connection_id"),
        owned=_words("id created_at"),
        references={
            "user_id": ("users",),
            "team_id": ("teams",),
            "group_id": ("groups",),
            "connection_id": ("connections",),
        },
    ),
    KindRules(
        name="transformation_projects",
        noun="transformation project",
        changed=_words(
            "project_config.folder_path project_config.git_branch project_config.target_name"
            " project_config.threads project_config.environment_vars"
        ),
        created=_words(
            "group_id type project_config.dbt_version project_config.default_schema"
            " project_config.git_remote_url"
        ),
        owned=_words(
            "id status errors setup_tests created_at created_by_id run_tests"
            " project_config.public_key"
        ),
        references=_GROUP,
        sets=_words("project_config.environment_vars"),
        assignments=_words("project_config.environment_vars"),
        enums=_words("type"),
    ),
    KindRules(
        name="transformations",
        noun="transformation",
        changed=_words(
            "paused schedule transformation_config.name transformation_config.project_id"
            " transformation_config.steps transformation_config.excluded_models"
            " transformation_config.configurable_variables"
        ),
        created=_words(
            "type transformation_config.connection_ids transformation_config.package_name"
        ),
        owned=_words(
            "id status created_at created_by_id last_started_at last_ended_at output_model_names"
            " transformation_config.upgrade_available"
        ),
        references={
            "transformation_config.project_id": ("transformation_projects",),
            "transformation_config.connection_ids": ("connections",),
            "schedule.connection_ids": ("connections",),
            "schedule.transformation_ids": ("transformations",),
        },
        sets=_words(
            "transformation_config.excluded_models transformation_config.connection_ids"
            " schedule.connection_ids schedule.transformation_ids schedule.days_of_week"
        ),
        whole=_words("schedule"),
        named=_words("transformation_config.configurable_variables"),
        enums=_words("type schedule.schedule_type schedule.days_of_week"),
    ),
    KindRules(
        name="log_services",
        noun="log service",
        changed=_words("config enabled"),
        created=_words("group_id service"),
        owned=_words("id status setup_tests run_setup_tests"),
        references=_GROUP,
        config_kind="log",
    ),
    KindRules(
        name="private_links",
        noun="private link",
        changed=_words("config service"),
        created=_words("name region"),
        owned=_words(
            "id state state_summary host account_id cloud_provider created_at created_by"
            " resource_upstream_status"
        ),
        observed=_words("state"),
        enums=_words("service region"),
        config_kind="private_link",
        refused=_NEVER_CHANGED,
    ),
    KindRules(
        name="external_secrets_managers",
        noun="external secrets manager",
        changed=_words("config"),
        created=_words("name type is_hybrid_deployment"),
        secrets=_words("config.client_secret config.secret_id config.token"),
        owned=_words("id created_at updated_at"),
        enums=_words("type"),
        refused=_NEVER_CHANGED,
    ),
    KindRules(
        name="proxy_agents",
        noun="proxy agent",
        created=_words("display_name region"),
        owned=_words("id account_id created_by registered_at status usage version"),
        observed=_words("status"),
        enums=_words("region"),
        refused=_SECRETS_SHOWN_ONCE,
    ),
    KindRules(
        name="hybrid_deployment_agents",
        noun="hybrid deployment agent",
        created=_words("display_name deployment_type group_id"),
        owned=_words(
            "id created_by enabled last_used_at online registered_at updated_at usage version"
        ),
        observed=_words("online"),
        references=_GROUP,
        enums=_words("deployment_type"),
        refused=_SECRETS_SHOWN_ONCE,
    ),
    KindRules(
        name="system_keys",
        noun="system key",
        created=_words("name permissions"),
        owned=_words("id key secret created_at expired_at last_used_at updated_at"),
        observed=_words("expired_at last_used_at"),
        sets=_words("permissions"),
        refused=_SECRETS_SHOWN_ONCE,
    ),
    KindRules(
        name="certificates",
        noun="certificate",
        created=_words("hash name type public_key"),
        sent=_words("encoded_cert"),
        owned=_words("id sha1 sha256 validated_by validated_date"),
        asked_for=True,
    ),
    KindRules(
        name="fingerprints",
        noun="fingerprint",
        created=_words("hash public_key"),
        owned=_words("id validated_by validated_date"),
        asked_for=True,
    ),
)

KINDS_BY_NAME: Final[Mapping[str, KindRules]] = {rules.name: rules for rules in _ALL}
"""Every kind, in the order in which objects are created."""

KIND_NAMES: Final = tuple(KINDS_BY_NAME)

TESTED: Final = frozenset({"connections", "destinations", "log_services"})
"""Kinds of objects with setup tests."""

WITHOUT_ID: Final = frozenset({"memberships", "certificates", "fingerprints"})
"""Kinds of objects with nothing but the ids of others."""

PAUSED: Final = ("paused",)
"""The path of the field of a connection that pauses it."""

OWN_LOG: Final = "fivetran_log"
"""The service of the connection that a destination brings along, and takes away."""

SYSTEM: Final = "_fivetran_system"
"""Who has connected what the server makes by itself."""

_KEYED_LISTS: Final[Mapping[str, tuple[str, ...]]] = {
    "custom_tables": ("table_name",),
    "reports": ("table", "table_name"),
    "report_configs": ("report_name",),
    "secrets_list": ("key",),
    "custom_payloads": ("key",),
    "project_credentials": ("project",),
    "files": ("table_name",),
    "environment_vars": ("name",),
}
"""Lists of objects in configs, and the fields that identify their items."""

_WITH_LISTS: Final = frozenset({"config", "project_config"})


def rules_of(kind: str) -> KindRules:
    """
    Return the rules of a kind.

    Raises:
        InvalidArgumentError: The kind does not exist.
    """
    found = KINDS_BY_NAME.get(kind)
    if found is None:
        raise InvalidArgumentError(f"unknown kind {kind!r}; the kinds are {', '.join(KIND_NAMES)}.")
    return found


def key_fields(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields that identify the items of a list in an object; () if there are none."""
    return _KEYED_LISTS.get(path[-1], ()) if len(path) > 1 and path[0] in _WITH_LISTS else ()
