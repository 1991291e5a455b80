#!/usr/bin/env bash
# Brings the servers that tests start for themselves, where they are missing and this machine lets us.
set -euo pipefail

missing=()
command -v mariadbd >/dev/null || missing+=(mariadb-server)
test -x /usr/lib/rabbitmq/bin/rabbitmq-server || missing+=(rabbitmq-server)
command -v redis-server >/dev/null || missing+=(redis-server)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)
command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null || missing+=(postgresql)
test -x /usr/sbin/nginx || command -v nginx >/dev/null || missing+=(nginx-light)

mysql="${XDG_CACHE_HOME:-$HOME/.cache}/tidings/mysql"
has_mysql() {
	[ -n "${MYSQL_URL:-}" ] || [ -x "$mysql/usr/sbin/mysqld" ] ||
		{ command -v mysqld >/dev/null && ! mysqld --version | grep -q MariaDB; }
}
has_mysql || command -v debootstrap >/dev/null || missing+=(debootstrap)

if [ ${#missing[@]} -gt 0 ] || ! has_mysql; then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "tests that need ${missing[*]} or MySQL are skipped: install them, or set MYSQL_URL and MARIADB_URL" >&2
		exit 0
	fi
fi
log=$(mktemp)
quietly() {
	"$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; return 1; }
}
if [ ${#missing[@]} -gt 0 ]; then
	export DEBIAN_FRONTEND=noninteractive
	quietly apt-get update
	quietly apt-get install -y --no-install-recommends "${missing[@]}"
fi
if ! has_mysql; then
	# Debian's stable has no MySQL: that of sid is unpacked into a folder, from the mirror that apt uses.
	mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -n 1)
	mkdir -p "$(dirname "$mysql")"
	for _ in 1 2 3; do
		rm -rf "$mysql.part"
		if quietly debootstrap --variant=minbase --include=mysql-server-core,mysql-client-core sid "$mysql.part" "$mirror"; then
			mv "$mysql.part" "$mysql"
			break
		fi
	done
	[ -x "$mysql/usr/sbin/mysqld" ] || echo "MySQL could not be unpacked: the tests on it will say so" >&2
fi
