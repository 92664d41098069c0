#!/usr/bin/env bash
# The curl requests in the vendor's documentation, in the order of a first use.
set -euo pipefail

call() { # verb, path, body
    curl --silent --show-error --fail-with-body --user "$FIVETRAN_API_KEY:$FIVETRAN_API_SECRET" \
        --request "$1" --header 'Accept: application/json;version=2' \
        --header 'Content-Type: application/json' ${3:+--data "$3"} "$FIVETRAN_URL$2"
}

field() { # name; prints its first value in the response
    sed -E "s/.*\"$1\": ?\"([^\"]*)\".*/\1/"
}

expect() { # text that the response must contain
    grep --quiet --fixed-strings "$1"
}

call GET /v1/account/info | expect '"code"'
group=$(call POST /v1/groups '{"name": "Marketing"}' | field id)
call PATCH "/v1/groups/$group" '{"name": "Sales"}' | expect Sales
call GET '/v1/groups?limit=1' | expect "$group"

call POST /v1/destinations "{\"group_id\": \"$group\", \"service\": \"snowflake\",
    \"time_zone_offset\": \"-5\", \"region\": \"GCP_US_EAST4\",
    \"config\": {\"host\": \"acme.example\", \"password\": \"hidden\"}}" | expect '******'

connection=$(call POST /v1/connections "{\"group_id\": \"$group\", \"service\": \"postgres\",
    \"run_setup_tests\": false, \"config\": {\"schema_prefix\": \"shop\"}}" | field id)
call GET "/v1/connections/$connection" | expect '"sync_state"'
call POST "/v1/connections/$connection/sync" '{"force": false}' | expect Success
call PATCH "/v1/connections/$connection" '{"paused": true, "run_setup_tests": false}' | expect paused
call GET "/v1/groups/$group/connections" | expect "$connection"

webhook=$(call POST /v1/webhooks/account '{"url": "https://example.com/hook",
    "events": ["sync_end"], "active": false, "secret": "my_secret"}' | field id)
call GET "/v1/webhooks/$webhook" | expect sync_end
call DELETE "/v1/webhooks/$webhook" | expect Success
