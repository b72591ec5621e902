#!/usr/bin/env bash
# The worked scenarios, a failing one and bad ones against the program as it is: scenarios_test.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
hub=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME=$folder XDG_DATA_HOME=$folder/share
for name in $(compgen -e IOTHUB_ || true); do unset "$name"; done
fail() { echo "FAILED: $1"; exit 1; }
ports=(--https-port 0 --mqtts-port 0 --amqps-port 0 --amqp-port 0 --portal-port 0)

files=()
for file in examples/scenarios/*.yaml; do
  if grep -q '^steps:' "$file"; then files+=("$file"); fi  # the others are templates
done
[ ${#files[@]} -ge 8 ] || fail "there are only ${#files[@]} examples"
"$hub" scenario run "${files[@]}" "${ports[@]}" --junit "$folder/out.xml" || fail "an example"
[ "$(grep -c '<testsuite ' "$folder/out.xml")" = ${#files[@]} ] || fail "not every example is in the JUnit file"

cat >"$folder/failing.yaml" <<'YAML'
devices: [{id: d1}]
steps:
  - send: {device: d1, body: {temperature: 20}}
  - expect: {messages: {device: d1, body: {temperature: 21}}, within: 300ms}
  - send: {device: d1}
YAML
status=0
"$hub" scenario run "$folder/failing.yaml" --junit "$folder/out.xml" >"$folder/said" || status=$?
[ $status = 1 ] || fail "a failed expectation ends with $status"
for line in "failing.yaml:4:5: /steps/1 (expect): expected at least 1 messages like" "  /body/temperature: expected 21, got 20"; do
  grep -qF "$line" "$folder/said" || { cat "$folder/said"; fail "the failure does not say: $line"; }
done
grep -q 'tests="4" failures="1" errors="0" skipped="1"' "$folder/out.xml" || fail "the failure's JUnit file"

echo 'steps: [{connect: d1}]' >"$folder/bad.yaml"
status=0
"$hub" scenario run "$folder/failing.yaml" "$folder/bad.yaml" >"$folder/said" 2>"$folder/why" || status=$?
[ $status = 4 ] && [ ! -s "$folder/said" ] && grep -q "bad.yaml:1:10: /steps/0/connect: 'd1'" "$folder/why" ||
  fail "a bad scenario ends with $status: $(cat "$folder/why")"

echo 'steps: [{clock: {freeze: true}}, {expect: {program: {status: 0}}}]' >"$folder/program.yaml"
# shellcheck disable=SC2016
"$hub" scenario run "$folder/program.yaml" "${ports[@]}" -- sh -c '[ -n "$IOTHUB_CONNECTION_STRING" ]' || fail "a program"
status=0
"$hub" scenario run "$folder/program.yaml" "${ports[@]}" -- sh -c 'exit 7' >"$folder/said" || status=$?
[ $status = 1 ] && grep -q "exit status 0, it is 7" "$folder/said" || fail "a program that fails ends with $status"

# Its hub, on the ports that the program is given, shows the run while it lasts.
cat >"$folder/shown.sh" <<'SH'
for _ in $(seq 100); do
  if "$1" scenario runs | grep -q '"state": "running"'; then exit 0; fi
  sleep 0.1
done
exit 1
SH
"$hub" scenario run "$folder/program.yaml" "${ports[@]}" -- sh "$folder/shown.sh" "$hub" || fail "a run's own hub does not show it"
