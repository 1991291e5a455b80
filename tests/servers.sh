#!/usr/bin/env bash
# Brings the servers that tests start for themselves, where they are missing and this machine lets us.
set -euo pipefail

missing=()
command -v mariadbd >/dev/null || missing+=(mariadb-server)
test -x /usr/lib/rabbitmq/bin/rabbitmq-server || missing+=(rabbitmq-server)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)
test -x /usr/sbin/nginx || command -v nginx >/dev/null || missing+=(nginx-light)

[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "tests that need ${missing[*]} will be skipped: install it, or set MYSQL_URL" >&2
	exit 0
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	exit 1
fi
