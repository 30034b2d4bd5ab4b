#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From nothing to decisions on a Debian 12, as root or with sudo: installs what is missing, builds, makes certificates and starts an
# authorization server for a demonstration, gets tokens of it as an app would, compiles standard policies, starts pold and asks it. May be run again; stops what it started. Everything that it
# makes is in build/quickstart/.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

demo=$PWD/build/quickstart
bin=$PWD/build/release/bin
stdlib=$PWD/stdlib-policies
tests=$PWD/tests
pid= issuer_pid=

stop() {
    for process in $pid $issuer_pid; do
        if kill -0 "$process" 2>/dev/null; then
            kill -TERM "$process"
            wait "$process" || true
        fi
    done
    pid= issuer_pid=
}
trap stop EXIT

# ---- 1 ----
say "Packages"
packages="cmake ninja-build gcc g++ pkg-config re2c lemon libssl-dev libjansson-dev libevent-dev libcurl4-openssl-dev libhiredis-dev libseccomp-dev zlib1g-dev libarchive-dev libre2-dev libyaml-dev
    libutf8proc-dev openssl curl ca-certificates python3 python3-cryptography"
missing=
for p in $packages; do
    dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
if [ -n "$missing" ]; then
    root=
    [ "$(id -u)" -eq 0 ] || root=sudo
    echo "installing:$missing"
    $root apt-get update -q
    DEBIAN_FRONTEND=noninteractive $root apt-get install -q -y --no-install-recommends $missing
else
    echo "all there"
fi

# ---- 2 ----
say "Building pol and pold (build/release/bin)"
mkdir -p build
if ! { cmake --preset release && cmake --build --preset release --target pol pold -j "$(nproc)"; } >build/quickstart-build.log 2>&1; then
    tail -n 40 build/quickstart-build.log
    exit 1
fi
"$bin/pol" version

# ---- 3 ----
say "Certificates, an authorization server and its tokens"
rm -rf "$demo"
mkdir -p "$demo"
chmod 700 "$demo"
cd "$demo"

base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -days 30 -subj "/O=Acme/CN=Demo CA" -out ca.pem \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null

# certificate NAME SPIFFE_ID: what a workload shows
certificate() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
    openssl req -new -key "$1.key" -subj "/O=Acme/CN=$1" -out "$1.csr"
    printf '%s\n' "basicConstraints=critical,CA:FALSE" "keyUsage=critical,digitalSignature" "extendedKeyUsage=clientAuth,serverAuth" \
        "subjectAltName=URI:$2" "authorityKeyIdentifier=keyid" "subjectKeyIdentifier=hash" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 10 -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}
certificate web spiffe://acme.example/web
certificate other spiffe://acme.example/other
echo "certificates: web.pem, other.pem, signed by ca.pem"

/usr/bin/python3 "$tests/server/authorization_server.py" "$demo/issuer" ca.pem >issuer.log 2>&1 &
issuer_pid=$!
for _ in $(seq 200); do
    if [ -f issuer/url ]; then break; fi
    if ! kill -0 "$issuer_pid" 2>/dev/null; then
        cat issuer.log
        exit 1
    fi
    sleep 0.05
done
issuer=$(cat issuer/url)
ask_issuer() { curl -sS --fail --cacert issuer/ca.pem "$@"; }
ask_issuer "$issuer/jwks" >jwks.json
echo "authorization server: process $issuer_pid, $issuer/.well-known/oauth-authorization-server"

# token CLIENT CERTIFICATE: alice signs in at an app (OAuth 2.1: code and PKCE), which asks with that certificate; the token is bound to it
token() {
    local verifier challenge callback=https://app.example/callback code
    verifier=$(openssl rand 32 | base64url)
    challenge=$(printf '%s' "$verifier" | openssl dgst -sha256 -binary | base64url)
    code=$(ask_issuer -G "$issuer/authorize" -o /dev/null -w '%{redirect_url}' -d response_type=code -d client_id="$1" -d redirect_uri="$callback" \
        -d code_challenge="$challenge" -d code_challenge_method=S256 -d login_hint=alice | sed 's/.*[?&]code=//; s/&.*//')
    ask_issuer --cert "$2.pem" --key "$2.key" "$issuer/token" -d grant_type=authorization_code -d client_id="$1" -d redirect_uri="$callback" \
        -d code="$code" -d code_verifier="$verifier" | sed 's/.*"access_token": *"//; s/".*//'
}
token app web >good.jwt
token late web >expired.jwt
token app other >stolen.jwt
"$bin/pol" token decode good.jwt
echo "tokens: good.jwt (bound to web.pem), expired.jwt, stolen.jwt (bound to other.pem)"

# ---- 4 ----
say "Policies: the tests of the standard ones, then a bundle of zero_trust and rbac"
for policy in "$stdlib"/*/; do
    printf '%-24s' "$(basename "$policy")"
    "$bin/pol" test "$policy" | tail -n 1
done

# data FROZEN: settings, roles and who has them
data() {
    cat <<END
{"settings": {"zero_trust": {"trust_domains": ["acme.example"]}},
 "rbac": {"roles": {"viewer": {"permits": [{"actions": ["read", "list"], "types": ["document"]}]},
                    "editor": {"inherits": ["viewer"], "permits": [{"actions": ["update"], "types": ["document"]}]}},
          "bindings": {"alice": ["editor"]}, "frozen_types": $1}}
END
}
mkdir one two
data '[]' >one/data.json
data '["document"]' >two/data.json
for bundle in one two; do
    "$bin/pol" build --revision "$bundle" -o "$bundle.polb" "$stdlib/zero_trust/zero_trust.pol" "$stdlib/rbac/rbac.pol" "$bundle/data.json"
done
cp one.polb bundle.polb
ls -l bundle.polb | awk '{print "bundle.polb:", $5, "bytes"}'

# ---- 5 ----
say "Starting pold"
cat >pold.yaml <<END
bundle:
  path: bundle.polb
socket:
  path: pold.sock
  mode: "0600"
identity:
  trust: [ca.pem]
  issuers:
    - issuer: $issuer
      jwks_file: jwks.json
      audiences: [orders]
      algorithms: [ES256]
      at_jwt: true
      required_claims: [tenant_id]
END
"$bin/pold" --config pold.yaml >pold.log 2>&1 &
pid=$!
for _ in $(seq 100); do
    if curl -sf --unix-socket pold.sock http://pold/health >/dev/null 2>&1; then break; fi
    if ! kill -0 "$pid" 2>/dev/null; then
        cat pold.log
        exit 1
    fi
    sleep 0.05
done
echo "process $pid listens on $demo/pold.sock"

wrong=0
# ask TITLE WANTED PART ACTION TENANT TOKEN: the decision must be WANTED, and the answer must have PART in it
ask() {
    local answer
    awk 'BEGIN { printf "\"" } { printf "%s\\n", $0 } END { printf "\"" }' web.pem >web.json
    cat >request.json <<END
{"subject": {"type": "user", "id": "alice"}, "action": {"name": "$4"},
 "resource": {"type": "document", "id": "17", "properties": {"tenant": "$5"}},
 "token": "$(cat "$6")", "cert": $(cat web.json)}
END
    answer=$(curl -sS --unix-socket pold.sock -H 'Content-Type: application/json' --data-binary @request.json http://pold/access/v1/evaluation)
    printf '\n* %s\n  %s\n' "$1" "$answer"
    case $answer in
        *"\"decision\":$2"*"$3"* | *"$3"*"\"decision\":$2"*) ;;
        *)
            echo "  NOT AS EXPECTED: decision $2 with $3"
            wrong=$((wrong + 1))
            ;;
    esac
}

say "Decisions from the socket"
ask "alice reads a document of her tenant, with a token bound to her certificate: allowed" true rbac.role read t1 good.jwt
ask "the same of another tenant: a forbid says why" false "the resource belongs to tenant t2" read t2 good.jwt
ask "with an expired token" false token_expired read t1 expired.jwt
ask "with a token that is bound to another certificate" false binding_mismatch read t1 stolen.jwt
ask "alice updates a document: allowed" true rbac.role update t1 good.jwt

say "A new bundle while pold serves: documents are frozen"
cp two.polb bundle.polb.new
mv bundle.polb.new bundle.polb
for _ in $(seq 100); do
    if curl -s --unix-socket pold.sock http://pold/metrics | grep -q 'two'; then break; fi
    if grep -q '"\?two"\?' pold.log; then break; fi
    sleep 0.05
done
ask "the same update, same process ($pid): denied" false "resources of type document are frozen" update t1 good.jwt
kill -0 "$pid"

stop
say "Done"
if [ "$wrong" -gt 0 ]; then
    echo "$wrong decisions were not as expected"
    exit 1
fi
echo "all decisions were as expected; the pieces are in $demo"
