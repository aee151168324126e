#!/bin/sh
# As root on Debian or Ubuntu, installs the programs that the tests start by themselves: PostgreSQL, Redis, Chromium,
# gVisor and docker-compose. Elsewhere it says what is missing; those tests are then skipped (or fail, where CI=true).
set -eu

POLICY=/usr/sbin/policy-rc.d

wanted() { # package names for all that is not here yet
    command -v redis-server >/dev/null || echo redis-server
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || echo postgresql
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null ||
        echo chromium fonts-dejavu-core
    ! command -v dockerd >/dev/null || command -v runsc >/dev/null || echo runsc
    command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1 || echo docker-compose
}

without_starting_services() { # the tests start their own; the machine gets no new daemons
    if [ -e "$POLICY" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' >"$POLICY"
    chmod 755 "$POLICY"
    trap 'rm -f "$POLICY"' EXIT
    "$@"
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >/dev/null 2>&1 || true
    for package; do # one by one: where one is not to be had, the others still are
        sh "$(dirname "$0")/../.ci/quietly" apt-get install -y -qq --no-install-recommends "$package" || echo "apt-get could not install $package." >&2
    done
}

packages=$(wanted | tr '\n' ' ')
[ -n "$packages" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "Some tests need what is not installed here: $packages(as root on Debian or Ubuntu, \`make services\` installs it)." >&2
    exit 0
fi
echo "Installing for the tests: $packages"
# shellcheck disable=SC2086
without_starting_services install $packages
