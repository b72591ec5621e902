#!/usr/bin/env bash
# Does a real Java trust the emulator through the PKCS #12 store?   java_trust_test.sh MAKE_TRUST_STORE
# keytool must list every certificate as trusted, and an HTTPS call must succeed with the store (by TLS 1.2 and 1.3, with the
# store's password and without) and fail without it. JAVA_HOME chooses another Java. Exit status 77: no Java here.
set -euo pipefail
make_trust_store=$1
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
keytool=${JAVA_HOME:+$JAVA_HOME/bin/}keytool
for tool in "$java" "$keytool" openssl; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
# The call below is one source file, which a Java without compiler cannot run.
"$java" --list-modules 2>/dev/null | grep -q '^jdk.compiler' || { echo "skipped: $java has no compiler"; exit 77; }
unset JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS

folder=$(mktemp -d)
server=
cleanup() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT
fail() { echo "FAILED: $*" >&2; exit 1; }

count=$("$make_trust_store" "$folder" changeit localhost 127.0.0.1)
listed=$("$keytool" -J-Duser.language=en -list -storetype PKCS12 -keystore "$folder/trust.p12" -storepass changeit |
  grep -c trustedCertEntry) || true
[ "$listed" = "$count" ] || fail "keytool lists $listed of $count certificates"
echo "ok: keytool lists all $count certificates as trusted"

# Port 0: the system picks a free one, s_server prints it.
: >"$folder/server.log"  # the program that is started below may not have made it yet when it is first read
openssl s_server -www -accept 127.0.0.1:0 -cert "$folder/leaf.pem" -key "$folder/leaf.key" \
  >"$folder/server.log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
  port=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$folder/server.log")
  [ -z "$port" ] || break
  sleep 0.1
done
[ -n "$port" ] || { cat "$folder/server.log"; fail "openssl s_server did not start"; }

cat >"$folder/Call.java" <<'JAVA'
import java.net.URL;
import javax.net.ssl.HttpsURLConnection;

public class Call {
    public static void main(String[] arguments) throws Exception {
        HttpsURLConnection connection = (HttpsURLConnection) new URL(arguments[0]).openConnection();
        connection.setConnectTimeout(10000);
        connection.setReadTimeout(10000);
        System.out.println(connection.getResponseCode());
    }
}
JAVA
call() {  # call HOST JAVA-OPTION...: prints the HTTP status
  local host=$1
  shift
  "$java" "$@" "$folder/Call.java" "https://$host:$port/" 2>"$folder/java.log"
}
expect_ok() {
  local what=$1
  shift
  [ "$(call "$@")" = 200 ] || { cat "$folder/java.log" >&2; fail "$what"; }
  echo "ok: $what"
}

store=-Djavax.net.ssl.trustStore=$folder/trust.p12
password=-Djavax.net.ssl.trustStorePassword=changeit
expect_ok "TLS 1.2 by name" localhost "$store" "$password" -Dhttps.protocols=TLSv1.2
expect_ok "TLS 1.3 by address" 127.0.0.1 "$store" "$password" -Dhttps.protocols=TLSv1.3
expect_ok "the store without its password" localhost "$store"
if call localhost >/dev/null; then fail "Java trusts the emulator without the store"; fi
grep -q 'PKIX path building failed' "$folder/java.log" || { cat "$folder/java.log" >&2; fail "an unexpected refusal"; }
echo "ok: without the store the server is refused"
