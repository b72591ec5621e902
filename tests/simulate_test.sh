#!/usr/bin/env bash
# Simulated devices against the program as it is: simulate_test.sh BINARY
set -euo pipefail
cd "$(dirname "$0")/.."
hub=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export HOME=$folder XDG_DATA_HOME=$folder/share
for name in $(compgen -e IOTHUB_ || true); do unset "$name"; done
data=$folder/data

# shellcheck disable=SC2016
"$hub" exec --data "$data" --https-port 0 --mqtts-port 0 --amqps-port 0 --amqp-port 0 --log-level warning -- \
  "$hub" simulate --data "$data" --devices 5 --template examples/simulate.yaml --rate 20 --duration 3 \
  >"$folder/sums" 2>"$folder/progress" || { cat "$folder/progress"; echo "FAILED: simulate"; exit 1; }
sums=$(cat "$folder/sums")
[[ $sums == *" 5 connected,"*" 5 reported,"*" 0 refused, 0 lost" ]] || { echo "FAILED: $sums"; exit 1; }
sent=$(sed -E 's/.* ([0-9]+) sent, ([0-9]+) acknowledged.*/\1 \2/' <<<"$sums")
[ "${sent% *}" = "${sent#* }" ] && [ "${sent% *}" -ge 10 ] || { echo "FAILED: not all was acknowledged: $sums"; exit 1; }
[ "$("$hub" seed export --data "$data" | grep -c '"firmware": "1.0"')" = 5 ] || { echo "FAILED: reported"; exit 1; }
echo 'telemtry: {}' >"$folder/bad.yaml"
status=0
"$hub" exec --in-memory --https-port 0 --mqtts-port 0 --amqps-port 0 --amqp-port 0 --log-level warning -- \
  "$hub" simulate --template "$folder/bad.yaml" 2>/dev/null || status=$?
[ $status = 4 ] || { echo "FAILED: a bad template ends with $status"; exit 1; }
