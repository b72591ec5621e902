#!/usr/bin/env bash
# `--seed` and the command `seed`, with the program as it is: seed_command_test.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
hub=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME=$folder XDG_DATA_HOME=$folder/share IOTHUB_EMULATOR_LOG_LEVEL=warning
for name in $(compgen -e IOTHUB_ || true); do [ "$name" = IOTHUB_EMULATOR_LOG_LEVEL ] || unset "$name"; done
failed=0
fail() { echo "FAILED: $*"; failed=1; }
is() { [ "$2" = "$3" ] || fail "$1: expected '$3', got '$2'"; }
status() { local status=0; "$@" >"$folder/out" 2>"$folder/err" || status=$?; echo $status; }

data=$folder/data
good=tests/data/seeds/good/everything.yaml
bad=tests/data/seeds/bad/unknown_device_member.yaml
ports="--https-port 0 --mqtts-port 0 --amqps-port 0 --amqp-port 0"

is "validate a good seed" "$(status "$hub" seed validate "$good" examples/seeds)" 0
is "validate a bad seed" "$(status "$hub" seed validate "$bad")" 4
is "its message" "$(cat "$folder/err")" \
  "iothub-emulator: $bad:3:5: /devices/0/statusreason: there is no member 'statusreason': the nearest one is 'statusReason'"
is "a file that is not there" "$(status "$hub" seed validate "$folder/none.yaml")" 4
is "an unknown action" "$(status "$hub" seed aply "$good")" 2
is "export without data" "$(status "$hub" seed export --data "$data")" 4

is "apply" "$(status "$hub" seed apply "$good" --data "$data")" 0
is "what it made" "$(wc -l <"$folder/out")" 14
is "apply again" "$(status "$hub" seed apply "$good" --data "$data")" 0
is "what it changed" "$(cat "$folder/out")" ""
is "apply from standard input" "$(status "$hub" seed apply - --data "$data" < <(echo 'devices: [{deviceId: piped}]'))" 0
is "what it said" "$(cat "$folder/out")" "device piped: created"
is "a refused seed" "$(status "$hub" seed apply "$good" "$bad" --data "$data")" 4
is "diff" "$(status "$hub" seed diff --data "$data" - < <(echo 'devices: [{deviceId: piped, tags: {a: 1}}]'))" 0
is "what would change" "$(cat "$folder/out")" "device piped: tags"
"$hub" seed export --data "$data" >"$folder/export.json"
"$hub" seed apply "$folder/export.json" --data "$folder/second" >/dev/null
"$hub" seed export --data "$folder/second" >"$folder/again.json"
cmp -s "$folder/export.json" "$folder/again.json" || fail "an export does not apply back to the same"

mkdir "$folder/seeds"
cp "$good" "$folder/seeds/1.yaml"
echo 'devices: [{deviceId: leaf, tags: {floor: 4}}]' >"$folder/seeds/2.yaml"
echo 'not a seed' >"$folder/seeds/README.md"
# shellcheck disable=SC2086
is "exec with a folder of seeds" "$(status "$hub" exec $ports --seed "$folder/seeds" -- \
  sh -c 'test -n "$IOTHUB_CONNECTION_STRING"')" 0
is "a start with a bad seed" "$(status "$hub" exec $ports --seed "$bad" -- true)" 4
is "the tutorial's module" "$(status "$hub" seed diff examples/seeds/tutorial.yaml --data "$data")" 0
exit $failed
