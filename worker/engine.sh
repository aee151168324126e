#!/bin/sh
# Finds a Docker engine for MedICI or, as root on Debian or Ubuntu, installs and starts theirs.
# Ends with 0 when an engine answers; else with one sentence that says what is missing.
set -eu

LOG=/var/log/medici-dockerd.log
PATIENCE_S=40

missing() {
    echo "$1" >&2
    exit 1
}

answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || ask_with_python; }

ask_with_python() { # the engine may be reachable where no `docker` command is installed
    [ -x .venv/bin/python ] && .venv/bin/python -c 'import docker; docker.from_env(timeout=5).ping()' >/dev/null 2>&1
}

waits_for_answer() { # process id of an engine that was just started, "" where systemd keeps it
    waited=0
    while [ "$waited" -lt "$PATIENCE_S" ]; do
        answers && return 0
        if [ -n "$1" ] && ! kill -0 "$1" 2>/dev/null; then return 1; fi
        sleep 1
        waited=$((waited + 1))
    done
    return 1
}

install_engine() {
    command -v apt-get >/dev/null || missing "No Docker engine is installed and this is neither Debian nor Ubuntu: install Docker, then try again."
    echo "Installing the Docker engine of this Debian or Ubuntu."
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1 || true
    client=$(apt-cache show docker-cli >/dev/null 2>&1 && echo docker-cli || true) # a package of its own in newer releases
    # shellcheck disable=SC2086
    sh "$(dirname "$0")/../.ci/quietly" apt-get install -y -qq --no-install-recommends docker.io iptables $client ||
        missing "apt-get could not install docker.io (its message is above): check this machine's apt sources."
}

start_with_systemd() {
    systemctl start docker && waits_for_answer ""
}

start_by_hand() { # further options of dockerd
    setsid nohup dockerd "$@" >>"$LOG" 2>&1 </dev/null &
    engine=$!
    waits_for_answer "$engine" && return 0
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    return 1
}

start_engine() {
    if [ -d /run/systemd/system ]; then
        start_with_systemd || missing "systemd could not start the Docker engine: see 'journalctl -u docker'."
        return
    fi
    # Inside some virtual machines and containers there is no overlay file system, or no firewall to set up.
    start_by_hand ||
        start_by_hand --storage-driver=vfs ||
        start_by_hand --iptables=false --bridge=none ||
        start_by_hand --storage-driver=vfs --iptables=false --bridge=none ||
        missing "The Docker engine is installed but does not start here: see $LOG."
}

answers && exit 0
if [ -n "${DOCKER_HOST:-}" ]; then
    missing "DOCKER_HOST names an engine at $DOCKER_HOST that does not answer: start it, or unset DOCKER_HOST."
fi
if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
    missing "A Docker engine is here but this user may not use it: join the group 'docker' and sign in again, or run this as root."
fi
[ "$(id -u)" = 0 ] || missing "No Docker engine answers: start Docker, set DOCKER_HOST, or run this as root to have it installed."
command -v dockerd >/dev/null || install_engine
answers || start_engine
echo "Started this machine's Docker engine; it keeps running after MedICI has ended."
