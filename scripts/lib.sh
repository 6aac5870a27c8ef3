# lib.sh: what the scripts share. Sourced, never run.
#
# The rules all of them keep: nothing is written into the system's directories
# (packages apart, see setup.sh), no existing cluster is touched, the server
# runs unprivileged and listens on a socket only.

ROOT=$(cd "$(dirname "$0")/.." && pwd -P)
umask 022
# These scripts are called from make: its flags must not leak into the makes
# below, and no foreign PG* setting may send psql to somebody else's server.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
# `make real DATA=folder` exports DATA, which is PGXS's name for files to install.
unset DATA
unset PGHOST PGHOSTADDR PGPORT PGUSER PGDATABASE PGSERVICE PGOPTIONS PGPASSFILE

T0=$(date +%s)

# One line of progress, with the seconds since the script began.
say() {
	printf '[%3ds] %s\n' "$(($(date +%s) - T0))" "$*"
}

die() {
	printf '%s\n' "$@" >&2
	exit 1
}

# Settles PG_CONFIG and what follows from it.
use_pg() {
	PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/${PG_MAJOR:-15}/bin/pg_config}
	command -v "$PG_CONFIG" >/dev/null 2>&1 || return 1
	PG_CONFIG=$(command -v "$PG_CONFIG")
	BIN=$("$PG_CONFIG" --bindir)
	MAJOR=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	PGXS=$("$PG_CONFIG" --pgxs)
	PGTEST=$(dirname "$(dirname "$PGXS")")/test
	export PG_CONFIG
}

# Runs a command as the user the server runs as: oneself, or postgres for root
# (the server refuses root). A clean environment either way.
as_server() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid=postgres --regid=postgres --init-groups \
			env -i PATH="$BIN:/usr/bin:/bin" HOME="${DIR:-/}" LANG=C.UTF-8 "$@"
	else
		env -i PATH="$BIN:/usr/bin:/bin" HOME="${DIR:-/}" LANG=C.UTF-8 "$@"
	fi
}

# A path of our own that the server user may pass through and whose socket
# name still fits (107 bytes).
fits() {
	[ "$(printf %s "$1/.s.PGSQL.5432" | wc -c)" -le 107 ] || return 1
	as_server test -x "$(dirname "$1")"
}

# Sets DIR, the run directory of cluster $1: in the clone where that is
# possible, else one below /tmp remembered in .run/NAME.dir. The file `owner`
# in it says which clone and name made it, so that a copied clone does not
# take over its model's cluster; and it is ours, or that of whose clone this
# is. Anybody else may have put a directory where ours has been cleared away,
# and we would run its env.
find_dir() {
	DIR=$ROOT/.run/$1
	if [ -f "$DIR.dir" ]; then
		DIR=$(cat "$DIR.dir")
	fi
	[ -d "$DIR" ] && [ "$(cat "$DIR/owner" 2>/dev/null)" = "$ROOT $1" ] &&
		[ -n "$(find "$DIR/owner" -prune -type f \( -user "$(id -u)" -o -user "$(ls -nd "$ROOT" | awk '{ print $3 }')" \))" ]
}

# Builds in the clone. Objects made for another server or with other flags
# are thrown away first: make would take them for up to date.
build() {
	mkdir -p "$ROOT/.run"
	flags="$("$PG_CONFIG" --version) $PG_CONFIG ${COPT:-}"
	if [ "$(cat "$ROOT/.run/built" 2>/dev/null)" != "$flags" ]; then
		make -s -C "$ROOT" PG_CONFIG="$PG_CONFIG" clean
		printf '%s\n' "$flags" >"$ROOT/.run/built"
	fi
	# LLVM bitcode only serves inlining; a throwaway cluster does without.
	make -s -C "$ROOT" PG_CONFIG="$PG_CONFIG" COPT="${COPT:-}" with_llvm=no all
}
