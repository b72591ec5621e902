#!/usr/bin/env bash
# Holds the includes to the arrows of the architecture: app -> net -> heads -> hub -> storage, app -> seed -> hub, protocol below, nothing back.
# Every room's headers are found from the project's root, so that the compiler alone would accept a wrong include.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0

# room FOLDER ALLOWED: files under FOLDER may include of ours only what matches ALLOWED, a regular expression of paths.
room() {
  local wrong
  wrong=$(grep -rnE --include='*.h' --include='*.cpp' --include='*.def' '^ *# *include "' "$1" |
    grep -vE "^[^:]+:[0-9]+: *# *include \"($2)")
  [ -z "$wrong" ] || { printf '%s may not include:\n%s\n' "$1" "$wrong"; failed=1; }
}

# library HEADER ALLOWED: only files that match ALLOWED may include the library's headers.
library() {
  local wrong
  wrong=$(grep -rnE --include='*.h' --include='*.cpp' "^ *# *include [<\"]$1" protocol storage emulator | grep -vE "^($2)")
  [ -z "$wrong" ] || { printf '%s belongs to %s only:\n%s\n' "$1" "$2" "$wrong"; failed=1; }
}

room protocol/bytes 'protocol/bytes/'
room protocol/text 'protocol/text/'
room protocol/mqtt 'protocol/(mqtt|bytes|text)/'
room protocol/http 'protocol/(http|bytes|text)/'
room protocol/websocket 'protocol/(websocket|http|text)/'
room protocol/amqp 'protocol/(amqp|bytes|text)/'
room storage 'storage/'
room emulator/hub 'emulator/hub/|storage/|protocol/text/'
for head in emulator/heads/*/; do
  head=${head%/}
  room "$head" "$head/|emulator/heads/[a-z_]*\\.h|emulator/hub/|protocol/"
done
room emulator/seed 'emulator/(seed|hub)/|storage/|protocol/text/'
room emulator/simulate 'emulator/(simulate|seed|hub)/|protocol/text/'
room emulator/scenario 'emulator/(scenario|simulate|seed|hub)/|protocol/text/'
room emulator/net 'emulator/(net|heads|hub)/|storage/|protocol/'
room emulator/app 'emulator/|portal/|storage/|protocol/'

library 'boost/(asio|beast)' 'emulator/(net|app)/|protocol/http/[a-z_]*\.cpp'
library 'sqlite3\.h' 'storage/'
library 'openssl/' 'emulator/(net|hub)/|protocol/websocket/handshake\.cpp'
library 'httplib\.h' 'emulator/(app|net/worker)'
library 'yaml-cpp/' 'emulator/seed/located_document\.cpp'
library 'valijson/' 'emulator/seed/json_schema\.cpp'
library 'CLI/' 'emulator/app/'
library 'proton/' 'protocol/amqp/'
library 'mosquitto' 'emulator/(app/mqtt_bridge|simulate/mqtt_client)\.(h|cpp)'

exit $failed
