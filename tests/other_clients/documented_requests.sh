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

# A step that fails ends the script; the trap prints how many were done.
steps=$(grep --count '^step ' "$0") done=0
trap 'echo "curl: $done of $steps steps"' EXIT

step() { # name of a variable for the first id, text that the response must contain, verb, path, body
    local response
    response=$(call "$3" "$4" "${5-}")
    grep --quiet --fixed-strings -e "$2" <<<"$response"
    [ "$1" = - ] || printf -v "$1" %s "$(field id <<<"$response")"
    done=$((done + 1))
}

step - '"code"' GET /v1/account/info
step group Marketing POST /v1/groups '{"name": "Marketing"}'
step - Sales PATCH "/v1/groups/$group" '{"name": "Sales"}'
step - "$group" GET '/v1/groups?limit=1'

step - '******' POST /v1/destinations "{\"group_id\": \"$group\", \"service\": \"snowflake\",
    \"time_zone_offset\": \"-5\", \"region\": \"GCP_US_EAST4\",
    \"config\": {\"host\": \"acme.example\", \"password\": \"hidden\"}}"
step - fivetran_log GET "/v1/groups/$group/connections"

step connection shop POST /v1/connections "{\"group_id\": \"$group\", \"service\": \"postgres\",
    \"run_setup_tests\": false, \"config\": {\"schema_prefix\": \"shop\"}}"
step - '"sync_state"' GET "/v1/connections/$connection"
step - Success POST "/v1/connections/$connection/sync" '{"force": false}'
step - paused PATCH "/v1/connections/$connection" '{"paused": true, "run_setup_tests": false}'
step - 1440 PATCH "/v1/connections/$connection" '{"sync_frequency": "1440", "run_setup_tests": "false"}'
step - "$connection" GET "/v1/groups/$group/connections?schema=shop"

step webhook sync_end POST /v1/webhooks/account '{"url": "https://example.com/hook",
    "events": ["sync_end"], "active": false, "secret": "my_secret"}'
step - sync_end GET "/v1/webhooks/$webhook"
step - Success DELETE "/v1/webhooks/$webhook"
