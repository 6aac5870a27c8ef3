#!/bin/sh
# setup.sh: installs what the other scripts need and is not there yet.
#
# Debian packages, by name, as root or through sudo; offline and silent when
# nothing is missing. Creates no system cluster and touches none. PG_CONFIG
# chooses another PostgreSQL than 15; `setup.sh build` asks for less than
# `setup.sh test`, which also wants IPC::Run and clang-format. `setup.sh bench` installs
# with npm, where there is one, what bench/company.sh compares with (700 MB, into
# bench/node_modules); nothing else needs it, and without it those are skipped.
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

# Package names for what is missing, one a line.
missing() {
	have_cc gcc || echo gcc
	[ -e /usr/include/stdio.h ] || echo libc6-dev
	command -v make >/dev/null || echo make
	if use_pg; then
		[ -x "$BIN/initdb" ] || echo "postgresql-$MAJOR"
		[ -e "$PGXS" ] && [ -e "$("$PG_CONFIG" --includedir-server)/postgres.h" ] ||
			echo "postgresql-server-dev-$MAJOR"
		[ -e "$("$PG_CONFIG" --sharedir)/extension/pg_cron.control" ] ||
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

have_cc() {
	command -v "$1" >/dev/null || command -v cc >/dev/null
}

# The major version in a PG_CONFIG like /usr/lib/postgresql/17/bin/pg_config.
wanted_major() {
	m=$(printf %s "$PG_CONFIG" | sed -n 's|^/usr/lib/postgresql/\([0-9]*\)/.*|\1|p')
	echo "${m:-15}"
}

need=$(missing | tr '\n' ' ')
[ -n "$need" ] || exit 0

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
log=$(mktemp)
trap 'rm -f "$log"' EXIT

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
