#!/bin/sh
# cluster.sh: a throwaway cluster with the extension staged for it.
#
#   cluster.sh start NAME [--cron DATABASE] [setting=value ...]
#   cluster.sh stop NAME [--keep]    stops it and removes what it was made of
#   cluster.sh status NAME
#
# Everything is in one run directory, readable by its owner only:
#   data/  log  stage/ (make install DESTDIR=)  temp.conf  env (source it)
# That is .run/NAME in the clone, or a directory below /tmp where the server
# user cannot reach the clone or the socket's name would be too long.
set -eu
. "$(dirname "$0")/lib.sh"

usage="usage: cluster.sh start NAME [--cron DATABASE] [setting=value ...] | stop NAME [--keep] | status NAME"
[ $# -ge 2 ] || die "$usage"
cmd=$1
name=$2
shift 2
case $name in '' | *[!a-z0-9_-]*) die "a cluster's name is of a-z, 0-9, _ and -" ;; esac
# The server user may not be allowed where the caller stands.
cd /
use_pg || die "pg_config not found: $PG_CONFIG (scripts/setup.sh installs it)"

running() {
	[ -f "$DIR/data/postmaster.pid" ] &&
		as_server "$BIN/pg_ctl" -D "$DIR/data" status >/dev/null 2>&1
}

# Stops by its own data directory, never by a name or a port.
stop() {
	find_dir "$name" || return 0
	if running; then
		as_server "$BIN/pg_ctl" -D "$DIR/data" -m fast -w stop >/dev/null ||
			as_server "$BIN/pg_ctl" -D "$DIR/data" -m immediate -w stop >/dev/null
	fi
	[ "${1:-}" = --keep ] || rm -rf "$DIR" "$ROOT/.run/$name.dir"
}

make_dir() {
	mkdir -p "$ROOT/.run"
	rm -f "$ROOT/.run/$name.dir"
	DIR=$ROOT/.run/$name
	if fits "$DIR"; then
		rm -rf "$DIR"
		mkdir "$DIR"
	else
		DIR=$(mktemp -d "/tmp/calib-$name.XXXXXX")
		printf '%s\n' "$DIR" >"$ROOT/.run/$name.dir"
	fi
	# Trust authentication is only as private as the way to the socket.
	chmod 700 "$DIR"
	printf '%s\n' "$ROOT $name" >"$DIR/owner"
	if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$DIR"; fi
}

# How a server finds an extension that is not in its own directories. Debian
# patches extension_destdir into 13 to 17; from 18 on PostgreSQL has paths.
stage_settings() {
	if [ "$MAJOR" -ge 18 ]; then
		echo "extension_control_path = '$DIR/stage$("$PG_CONFIG" --sharedir):\$system'"
		echo "dynamic_library_path = '$DIR/stage$("$PG_CONFIG" --pkglibdir):\$libdir'"
	elif "$BIN/postgres" --describe-config | grep -q '^extension_destdir'; then
		echo "extension_destdir = '$DIR/stage'"
	else
		die "This PostgreSQL cannot load an extension from a staging directory" \
			"(Debian's can, and so can 18). Use make install and make installcheck."
	fi
}

# What CREATE EXTENSION of 18 puts down as $libdir/calib, its pg_upgrade looks for
# in the server's own directory alone.
name_library() {
	[ "$MAJOR" -lt 18 ] ||
		sed -i 's|\$libdir/||' "$DIR/stage$("$PG_CONFIG" --sharedir)/extension/calib.control"
}

start() {
	stop
	build
	make_dir
	make -s -C "$ROOT" PG_CONFIG="$PG_CONFIG" COPT="${COPT:-}" with_llvm=no \
		DESTDIR="$DIR/stage" install >"$ROOT/.run/install.log" 2>&1 || {
		cat "$ROOT/.run/install.log" >&2
		die "make install failed"
	}
	name_library
	# What a test's own clusters need as well goes to temp.conf. It outlives
	# no crash: durability would only cost time.
	{
		stage_settings
		echo "max_prepared_transactions = 10"
		echo "fsync = off"
	} >"$DIR/temp.conf"
	chmod a+r "$DIR/temp.conf"
	as_server "$BIN/initdb" -D "$DIR/data" -A trust -N -U postgres \
		--locale=C.UTF-8 -E UTF8 >/dev/null
	{
		cat "$DIR/temp.conf"
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$DIR'"
		echo "port = 5432"
		while [ $# -gt 0 ]; do
			case $1 in
				--cron)
					echo "shared_preload_libraries = 'pg_cron'"
					echo "cron.database_name = '$2'"
					echo "cron.use_background_workers = on"
					echo "max_worker_processes = 20"
					shift
					;;
				*=*) echo "${1%%=*} = '${1#*=}'" ;;
				*) die "$usage" ;;
			esac
			shift
		done
	} >"$DIR/more.conf"
	as_server sh -c 'cat >>"$1"' - "$DIR/data/postgresql.conf" <"$DIR/more.conf"
	# Descriptors of the caller (locks, pipes) must not live on in the server.
	as_server "$BIN/pg_ctl" -D "$DIR/data" -l "$DIR/log" -w start >/dev/null 9>&- || {
		tail -n 20 "$DIR/log" >&2
		die "the server did not start"
	}
	cat >"$DIR/env" <<-EOF
		PGHOST='$DIR' PGPORT=5432 PGUSER=postgres PATH="$BIN:\$PATH"
		export PGHOST PGPORT PGUSER PATH
	EOF
}

case $cmd in
	start)
		start "$@"
		echo "$DIR/env"
		;;
	stop) stop "$@" ;;
	status)
		if find_dir "$name" && running; then
			echo "$name is running: . $DIR/env"
		else
			echo "$name is not running"
			exit 3
		fi
		;;
	*) die "$usage" ;;
esac
