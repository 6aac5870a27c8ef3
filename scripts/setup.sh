#!/bin/sh
# setup.sh: installs what the other scripts need and is not there yet.
#
# Debian packages, by name, as root or through sudo; offline and silent when
# nothing is missing. Creates no system cluster and touches none. PG_CONFIG
# chooses another PostgreSQL than 15; `setup.sh build` asks for less than
# `setup.sh test`, which also wants IPC::Run and clang-format. `setup.sh clients`
# is for what tests/clients reads the views with, and for that alone; `setup.sh
# deb` wants what packages are built with, too. `setup.sh dashboard` wants Node.js
# and npm alone, `setup.sh test-dashboard` a browser and Chinese letters too.
# `setup.sh bench` installs with npm, where there is one, what bench/company.sh
# compares with (700 MB, into bench/node_modules): without it those are skipped.
set -eu
. "$(dirname "$0")/lib.sh"
what=${1:-build}

if [ "$what" = bench ]; then
	[ ! -d "$ROOT/bench/node_modules" ] || exit 0
	command -v npm >/dev/null || {
		say "skipped: other engines (no npm)"
		exit 0
	}
	say "installing what to compare with: $(sed -n 's/^ *"\(@duckdb[^"]*\|chdb\)": "\([^"]*\)".*/\1 \2/p' "$ROOT/bench/package.json" | tr '\n' ' ')"
	# not `npm ci`: a registry may lack the packages of other platforms
	npm install --prefix "$ROOT/bench" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error || {
		rm -rf "$ROOT/bench/node_modules"
		say "skipped: other engines (npm could not install them)"
	}
	exit 0
fi

missing_for_dashboard() {
	command -v node >/dev/null || echo nodejs
	command -v npm >/dev/null || echo npm
	[ "$what" = test-dashboard ] || return 0
	command -v chromium >/dev/null || echo chromium
	[ -d /usr/share/fonts/opentype/noto ] || echo fonts-noto-cjk
}

# Package names for what is missing, one a line.
missing() {
	case $what in
		clients) missing_clients && return ;;
		deb) missing_deb ;;
		dashboard | test-dashboard) missing_for_dashboard && return ;;
	esac
	have_cc gcc || echo gcc
	[ -e /usr/include/stdio.h ] || echo libc6-dev
	command -v make >/dev/null || echo make
	if use_pg; then
		[ -x "$BIN/initdb" ] || echo "postgresql-$MAJOR"
		[ -e "$PGXS" ] && [ -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ] ||
			echo "postgresql-server-dev-$MAJOR"
		# a candidate of the next version may have none yet, and calib does without
		[ -e "$("$PG_CONFIG" --sharedir)/extension/pg_cron.control" ] || [ -n "${CALIB_WITHOUT_CRON:-}" ] ||
			echo "postgresql-$MAJOR-cron"
	else
		m=$(wanted_major)
		echo "postgresql-$m postgresql-server-dev-$m postgresql-$m-cron"
	fi
	[ "$what" = test ] || return 0
	command -v prove >/dev/null || echo perl
	perl -MIPC::Run -e 1 2>/dev/null || echo libipc-run-perl
	command -v clang-format >/dev/null || echo clang-format
}

# Those of tests/clients: JDBC, ODBC, Python's, and node with npm for node-postgres.
missing_clients() {
	command -v javac >/dev/null || echo default-jdk-headless
	[ -e /usr/share/java/postgresql.jar ] || echo libpostgresql-jdbc-java
	ls /usr/lib/*/odbc/psqlodbcw.so >/dev/null 2>&1 || echo odbc-postgresql
	for module in pyodbc sqlalchemy psycopg2 psycopg; do
		/usr/bin/python3 -c "import $module" 2>/dev/null || echo "python3-$module"
	done
	command -v node >/dev/null || echo nodejs
	command -v npm >/dev/null || echo npm
	return 0
}

# What packages are built with.
missing_deb() {
	command -v dh >/dev/null || echo debhelper
	command -v fakeroot >/dev/null || echo fakeroot
	dpkg-query -W -f '${Status}\n' postgresql-server-dev-all 2>/dev/null | grep -q 'ok installed' ||
		echo postgresql-server-dev-all
}

# node-postgres and Grafana's builders are in no Debian package: npm takes what the
# lock files name.
install_node_modules() {
	[ "$what" = clients ] || return 0
	for dir in tests/clients dashboard/grafana; do
		[ "$ROOT/$dir/node_modules/.package-lock.json" -nt "$ROOT/$dir/package-lock.json" ] && continue
		say "npm: $dir"
		(cd "$ROOT/$dir" && npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1 || {
			cat "$log" >&2
			die "npm ci failed in $dir"
		}
	done
}

have_cc() {
	command -v "$1" >/dev/null || command -v cc >/dev/null
}

# The major version in a PG_CONFIG like /usr/lib/postgresql/17/bin/pg_config.
wanted_major() {
	m=$(printf %s "$PG_CONFIG" | sed -n 's|^/usr/lib/postgresql/\([0-9]*\)/.*|\1|p')
	echo "${m:-15}"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
cd "$ROOT"

need=$(missing | tr '\n' ' ')
if [ -z "$need" ]; then
	install_node_modules
	exit 0
fi

command -v apt-get >/dev/null || die \
	"Missing: $need" \
	"Only Debian (and what has apt-get) is set up by itself. Install these by your" \
	"system's own means, then run again with PG_CONFIG=/path/to/pg_config."

SUDO=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null || die \
		"Missing: $need" \
		"Installing needs root: run as root: apt-get install $need"
	SUDO=sudo
fi

apt() {
	$SUDO env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >"$log" 2>&1 || {
		cat "$log" >&2
		die "apt-get $* failed"
	}
}

say "installing: $need"
apt update
# Debian's server package makes and starts a cluster of its own unless told
# otherwise. Only where its tooling is new on this machine do we say so: an
# administrator's setting stays as it is.
if ! dpkg-query -W -f '${Status}' postgresql-common 2>/dev/null | grep -q 'ok installed'; then
	apt install -y --no-install-recommends postgresql-common
	$SUDO sed -i 's/^#\{0,1\} *create_main_cluster.*/create_main_cluster = false/' \
		/etc/postgresql-common/createcluster.conf
fi
# shellcheck disable=SC2086 # a list of names
apt install -y --no-install-recommends $need
# Names may hide needs (a server just installed has no cron yet): ask again.
need=$(missing | tr '\n' ' ')
[ -z "$need" ] || die "Still missing after the installation: $need"
say "installed"
install_node_modules
