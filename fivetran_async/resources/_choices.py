"""
Words that the API takes as arguments, for completion in editors.

Each type is `Literal[...] | str`: the server decides which words it accepts, so a word that is
missing here is sent unchanged.
"""

from typing import Literal, TypeAlias

ScheduleTypeChoice: TypeAlias = Literal["auto", "manual"] | str
ConnectionScheduleChoice: TypeAlias = Literal["TIME_OF_DAY", "INTERVAL", "CRON", "MANUAL"] | str
DataDelaySensitivityChoice: TypeAlias = (
    Literal["LOW", "NORMAL", "HIGH", "CUSTOM", "SYNC_FREQUENCY"] | str
)
NetworkingMethodChoice: TypeAlias = (
    Literal["Directly", "PrivateLink", "SshTunnel", "ProxyAgent"] | str
)
SchemaNamesChoice: TypeAlias = Literal["FIVETRAN_NAMING", "SOURCE_NAMING"] | str
SchemaStatusChoice: TypeAlias = Literal["ready", "blocked_on_capture"] | str
SyncBehaviorChoice: TypeAlias = Literal["CONTINUE", "BACKFILL", "CONTINUE_WITH_DATA"] | str

SchemaChangeChoice: TypeAlias = Literal["ALLOW_ALL", "ALLOW_COLUMNS", "BLOCK_ALL"] | str
SyncModeChoice: TypeAlias = Literal["SOFT_DELETE", "HISTORY", "LIVE"] | str
ExcludeModeChoice: TypeAlias = Literal["PRESERVE", "INCLUDE", "EXCLUDE"] | str
TargetDataTypeChoice: TypeAlias = (
    Literal[
        "Unknown",
        "Boolean",
        "String",
        "Short",
        "Int",
        "Long",
        "Float",
        "Double",
        "BigDecimal",
        "Instant",
        "LocalDateTime",
        "LocalDate",
        "LocalTime",
        "Json",
        "Binary",
        "Xml",
    ]
    | str
)
FilterOperatorChoice: TypeAlias = Literal["AND", "OR"] | str
ClauseOperatorChoice: TypeAlias = (
    Literal[
        "EQUALS",
        "NOT_EQUALS",
        "LESS",
        "LESS_OR_EQUALS",
        "GREATER",
        "GREATER_OR_EQUALS",
        "STARTS_WITH",
        "CONTAINS",
        "IN",
        "IS_NULL",
        "IS_NOT_NULL",
    ]
    | str
)
ClauseColumnTypeChoice: TypeAlias = (
    Literal["LONG", "FLOAT", "DOUBLE", "BIGDECIMAL", "STRING", "BOOLEAN", "DATE", "DATETIME"] | str
)

RegionChoice: TypeAlias = (
    Literal[
        "AWS_AP_NORTHEAST_1",
        "AWS_AP_NORTHEAST_2",
        "AWS_AP_SOUTHEAST_1",
        "AWS_AP_SOUTHEAST_2",
        "AWS_AP_SOUTH_1",
        "AWS_CA_CENTRAL_1",
        "AWS_EU_CENTRAL_1",
        "AWS_EU_NORTH_1",
        "AWS_EU_WEST_1",
        "AWS_EU_WEST_2",
        "AWS_EU_WEST_3",
        "AWS_US_EAST_1",
        "AWS_US_EAST_2",
        "AWS_US_GOV_WEST_1",
        "AWS_US_WEST_2",
        "AZURE_AUSTRALIAEAST",
        "AZURE_CANADACENTRAL",
        "AZURE_CENTRALINDIA",
        "AZURE_CENTRALUS",
        "AZURE_EASTUS",
        "AZURE_EASTUS2",
        "AZURE_GERMANYWESTCENTRAL",
        "AZURE_JAPANEAST",
        "AZURE_KOREACENTRAL",
        "AZURE_SOUTHEASTASIA",
        "AZURE_SWITZERLANDNORTH",
        "AZURE_UAENORTH",
        "AZURE_UKSOUTH",
        "AZURE_WESTEUROPE",
        "AZURE_WESTUS3",
        "GCP_ASIA_NORTHEAST1",
        "GCP_ASIA_NORTHEAST3",
        "GCP_ASIA_SOUTH1",
        "GCP_ASIA_SOUTHEAST1",
        "GCP_ASIA_SOUTHEAST2",
        "GCP_AUSTRALIA_SOUTHEAST1",
        "GCP_EUROPE_WEST2",
        "GCP_EUROPE_WEST3",
        "GCP_ME_CENTRAL2",
        "GCP_NORTHAMERICA_NORTHEAST1",
        "GCP_US_CENTRAL1",
        "GCP_US_EAST4",
        "GCP_US_WEST1",
    ]
    | str
)
TimeZoneOffsetChoice: TypeAlias = (
    Literal[
        "-11",
        "-10",
        "-9",
        "-8",
        "-7",
        "-6",
        "-5",
        "-4",
        "-3",
        "-2",
        "-1",
        "0",
        "+1",
        "+2",
        "+3",
        "+4",
        "+5",
        "+6",
        "+7",
        "+8",
        "+9",
        "+10",
        "+11",
        "+12",
    ]
    | str
)

TransformationTypeChoice: TypeAlias = Literal["DBT_CORE", "QUICKSTART"] | str
TransformationScheduleChoice: TypeAlias = (
    Literal["INTEGRATED", "TIME_OF_DAY", "INTERVAL", "CRON"] | str
)
ProjectTypeChoice: TypeAlias = Literal["DBT_CORE", "DBT_GIT"] | str

AgentEnvironmentChoice: TypeAlias = Literal["DOCKER", "PODMAN", "KUBERNETES", "SNOWPARK"] | str
AgentAuthChoice: TypeAlias = Literal["AUTO", "MANUAL"] | str
ExpirationPeriodChoice: TypeAlias = (
    Literal["ONE_WEEK", "ONE_MONTH", "THREE_MONTHS", "SIX_MONTHS", "INFINITE"] | str
)
ResourceTypeChoice: TypeAlias = (
    Literal[
        "ACCOUNT",
        "USER",
        "WEBHOOK",
        "TEAM",
        "ROLES",
        "DESTINATION",
        "TRANSFORMATION",
        "REMOTE_EXECUTION_AGENT",
        "CONNECTOR",
    ]
    | str
)
AccessLevelChoice: TypeAlias = Literal["NONE", "READ", "MANAGE"] | str
SecretsManagerTypeChoice: TypeAlias = (
    Literal["AWS_SECRET_MANAGER", "AZURE_KEY_VAULT", "HASHICORP_VAULT"] | str
)
EntityTypeChoice: TypeAlias = Literal["source", "destination", "all"] | str
LogServiceChoice: TypeAlias = (
    Literal[
        "azure_monitor_log",
        "cloudwatch",
        "datadog_log",
        "dynatrace",
        "grafana_loki",
        "new_relic_log",
        "splunkLog",
        "stackdriver",
    ]
    | str
)
PrivateLinkServiceChoice: TypeAlias = (
    Literal[
        "DATABRICKS_AWS",
        "DATABRICKS_AZURE",
        "DATABRICKS_GCP",
        "ONELAKE_AZURE",
        "POSTGRES_WAREHOUSE_AZURE",
        "REDSHIFT_AWS",
        "SNOWFLAKE_AWS",
        "SNOWFLAKE_AZURE",
        "SNOWFLAKE_GCP",
        "SOURCE_AWS",
        "SOURCE_AZURE",
        "SOURCE_GCP",
        "SQL_DATA_WAREHOUSE_AZURE",
    ]
    | str
)

UserTypeChoice: TypeAlias = Literal["REGULAR_USER", "SERVICE_ACCOUNT"] | str
AccountRoleChoice: TypeAlias = (
    Literal["Account Administrator", "Account Analyst", "Account Billing", "Account Reviewer"] | str
)
MemberRoleChoice: TypeAlias = (
    Literal[
        "Destination Administrator",
        "Destination Analyst",
        "Destination Creator",
        "Destination Reviewer",
        "Connector Administrator",
        "Connector Collaborator",
        "Connector Reviewer",
    ]
    | str
)
TeamRoleChoice: TypeAlias = Literal["Team Manager", "Team Member"] | str
