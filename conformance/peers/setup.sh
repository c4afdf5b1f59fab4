#!/usr/bin/env bash
# Installs the foreign peers of the conformance tests into target/peers/. Quiet when all is there; fails loudly.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
# The same places as in src/peer.rs.
peers=${CARRIERD_PEERS:-${CARGO_TARGET_DIR:-$root/target}/peers}
mkdir -p "$peers"
log=$peers/setup.log
: >"$log"
trap 'echo "peers/setup.sh failed at line $LINENO; the end of $log:" >&2; tail -n 20 "$log" >&2' ERR

# Installs Debian packages for the commands that are missing: command=package…
need() {
    local missing=() pair
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    [ ${#missing[@]} -eq 0 ] && return
    if ! command -v apt-get >/dev/null; then
        echo "peers/setup.sh: install these by hand: ${missing[*]}" >&2
        return 1
    fi
    apt-get update -qq >>"$log" 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >>"$log" 2>&1
}

# True when what was installed into "$1" came from the very files that follow; what differs is installed anew.
unchanged() {
    local stamp=$1/.stamp
    shift
    [ -f "$stamp" ] && cat "$@" | cmp -s - "$stamp"
}
stamp() {
    local folder=$1
    shift
    cat "$@" >"$folder/.stamp"
}

need tshark=tshark node=nodejs npm=npm python3=python3 javac=default-jdk-headless mvn=maven \
    sipp=sip-tester kamailio=kamailio baresip=baresip-core
# A module, not a command.
compgen -G "/usr/lib/*/kamailio/modules/tls.so" >/dev/null || need kamailio-tls=kamailio-tls-modules

venv=$peers/venv
if ! unchanged "$venv" "$here"/*/requirements.txt; then
    rm -rf "$venv"
    if ! python3 -m venv "$venv" >>"$log" 2>&1; then
        apt-get install -y -qq python3-venv >>"$log" 2>&1
        python3 -m venv --clear "$venv" >>"$log" 2>&1
    fi
    for list in "$here"/*/requirements.txt; do
        "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$list" >>"$log" 2>&1
    done
    stamp "$venv" "$here"/*/requirements.txt
fi

buf=$peers/buf
if ! unchanged "$buf" "$here/buf/package.json"; then
    rm -rf "$buf"
    mkdir -p "$buf"
    cp "$here/buf/package.json" "$buf/"
    (cd "$buf" && npm install --no-package-lock --no-audit --no-fund --ignore-scripts >>"$log" 2>&1)
    stamp "$buf" "$here/buf/package.json"
fi

node_smpp=$peers/node-smpp
if ! unchanged "$node_smpp" "$here/node-smpp/package.json" "$here/node-smpp/package-lock.json"; then
    rm -rf "$node_smpp"
    mkdir -p "$node_smpp"
    cp "$here/node-smpp/package.json" "$here/node-smpp/package-lock.json" "$node_smpp/"
    (cd "$node_smpp" && npm ci --no-audit --no-fund --ignore-scripts >>"$log" 2>&1)
    stamp "$node_smpp" "$here/node-smpp/package.json" "$here/node-smpp/package-lock.json"
fi
# The program itself may change without its packages.
cp "$here/node-smpp/server.js" "$node_smpp/"

smsgate=$peers/smsgate
if ! unchanged "$smsgate" "$here/smsgate/pom.xml" "$here/smsgate/Smsgate.java"; then
    rm -rf "$smsgate"
    mkdir -p "$smsgate/classes"
    cp "$here/smsgate/pom.xml" "$smsgate/"
    mvn -B -q -f "$smsgate/pom.xml" dependency:copy-dependencies -DoutputDirectory="$smsgate/lib" >>"$log" 2>&1
    javac --release 11 -cp "$smsgate/lib/*" -d "$smsgate/classes" "$here/smsgate/Smsgate.java" >>"$log" 2>&1
    stamp "$smsgate" "$here/smsgate/pom.xml" "$here/smsgate/Smsgate.java"
fi
