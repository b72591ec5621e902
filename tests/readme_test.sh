#!/usr/bin/env bash
# Runs what README.md tells a newcomer to type, against the given binary, in a network namespace of its own:
# tests/readme_test.sh BINARY. The two commands at its top are scripts/quickstart (test example_python runs its last step)
# and scripts/test (which runs this).
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "${2:-}" != inside ]; then exec scripts/own-network --only "$0" "$(realpath "$1")" inside; fi
work=$(mktemp -d)
mkdir -p "$work/build/release"
ln -s "$1" "$work/build/release/iothub-emulator"
export HOME=$work XDG_DATA_HOME=
unset SSL_CERT_FILE REQUESTS_CA_BUNDLE IOTHUB_CONNECTION_STRING
readme=$PWD/README.md examples=$PWD/examples
cd "$work"

# The first word of each command of the README, so that a command that is added there is noticed here.
known='./scripts/|build/release/iothub-emulator (exec|serve|health|connection-string|monitor|simulate|messages|faults|clock|snapshot|reset|seed|scenario)|eval "\$\(build/release/iothub-emulator env\)"'
unknown=$(awk '/^```sh/{on=1;next} /^```/{on=0} on' "$readme" | grep -vE "^($known)" || true)
[ -z "$unknown" ] || { echo "README.md has commands that this test does not know:"; echo "$unknown"; exit 1; }

[ "$(build/release/iothub-emulator exec -- sh -c 'echo "$IOTHUB_CONNECTION_STRING"')" = \
  'HostName=localhost;SharedAccessKeyName=iothubowner;SharedAccessKey=aW90aHVib3duZXItcHJpbWFyeS1rZXktMDAwMDAwMDA=' ]

build/release/iothub-emulator serve --seed "$examples/seeds/tutorial.yaml" --ready-file "$work/ready" 2>"$work/log" &
hub=$!
trap 'kill "$hub" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 200); do [ -e "$work/ready" ] && break; sleep 0.1; done
[ -e "$work/ready" ] || { cat "$work/log"; exit 1; }
for policy in iothubowner service device registryRead registryReadWrite; do
  line=$(build/release/iothub-emulator connection-string --policy $policy)
  grep -qF "$line" "$readme" || { echo "README.md does not show $line"; exit 1; }
  grep -qF "$line" "$work/log" || { echo "the banner does not show $line"; exit 1; }
done
eval "$(build/release/iothub-emulator env)"
[ "$(build/release/iothub-emulator connection-string)" = "$IOTHUB_CONNECTION_STRING" ]
[ -r "$SSL_CERT_FILE" ] && [ -r "$REQUESTS_CA_BUNDLE" ] && [ -r "$NODE_EXTRA_CA_CERTS" ]
build/release/iothub-emulator health
[ -r "$(build/release/iothub-emulator ca)" ]
(timeout 20 build/release/iothub-emulator monitor --from beginning --json || true) | head -n 1 >"$work/monitored" &
monitor=$!
build/release/iothub-emulator simulate --devices 2 --template "$examples/simulate.yaml" --rate 20 --duration 1 >/dev/null 2>&1
build/release/iothub-emulator messages count=3 wait=30s | grep simulated- >/dev/null
wait "$monitor" && [ -s "$work/monitored" ]
build/release/iothub-emulator faults add action=cut operation=telemetry count=1 >/dev/null
build/release/iothub-emulator clock advance 1h >/dev/null
build/release/iothub-emulator snapshot save before >/dev/null
build/release/iothub-emulator seed export >"$work/hub.json" && [ -s "$work/hub.json" ]
build/release/iothub-emulator reset
(cd "$examples/.." && "$work/build/release/iothub-emulator" scenario run examples/scenarios/tutorial.yaml --junit "$work/out.xml")
if build/release/iothub-emulator connection-string --device D --module M 2>/dev/null; then
  echo "a connection string of a device that is not there"; exit 1
fi
kill -TERM "$hub"
wait "$hub"
if build/release/iothub-emulator health 2>/dev/null; then echo "health is well without a hub"; exit 1; fi
echo "README.md's commands do what it says"
