#!/bin/sh
# matrix.sh: builds and runs the whole test suite on 15, 17 and 18, and on the next
# version's candidate where there is one, each in a throwaway root of its own.
#
# VERSIONS="17 18" narrows it; TESTS and TAP narrow the tests as in test.sh. MATRIX_ROOTS
# is a directory of roots to use again (root15, root17, ...): what is not there is made
# there. Without it they are made below .run and removed in the end. CALIB_DATA and
# CALIB_FIVETRAN, where set, are taken along.
set -u
. "$(dirname "$0")/lib.sh"
. "$ROOT/scripts/roots.sh"

why=$(no_roots)
if [ -n "$why" ]; then
	echo "matrix skipped: $why"
	exit 0
fi
mkdir -p "$ROOT/.run/matrix"
roots=${MATRIX_ROOTS:-$ROOT/.run/roots}
child=
# unshare ignores the milder signals; what runs in the root ends with it.
trap '[ -z "$child" ] || kill -KILL $child; exit 130' INT TERM
status=0
table=

run_version() {
	v=$1
	root=$roots/root$v
	log=$ROOT/.run/matrix/$v.log
	if [ ! -d "$root/etc" ]; then
		say "$v: making a root of $(suite_of "$v")"
		if ! make_root "$(suite_of "$v")" "$root" "make,git,postgresql-$v,postgresql-client-$v,postgresql-server-dev-$v" >"$log" 2>&1; then
			rm -rf "$root"
			tail -n 5 "$log"
			return 77
		fi
	fi
	copy_tree "$root/srv/calib"
	set -- env "PG_CONFIG=/usr/lib/postgresql/$v/bin/pg_config"
	# in the root's lists, which are there where it has a pg_cron at all
	if [ -z "$(in_root "$root" apt-cache show "postgresql-$v-cron" 2>/dev/null)" ]; then set -- "$@" CALIB_WITHOUT_CRON=1; fi
	[ -z "${TESTS+x}" ] || set -- "$@" "TESTS=$TESTS"
	[ -z "${TAP+x}" ] || set -- "$@" "TAP=$TAP"
	for data in CALIB_DATA CALIB_FIVETRAN; do
		eval "dir=\${$data:-}"
		[ -d "$dir" ] || continue
		rm -rf "$root/srv/$data"
		cp -R "$dir" "$root/srv/$data"
		set -- "$@" "$data=/srv/$data"
	done
	# npm's registry is the machine's own, too, and whom it trusts
	if command -v npm >/dev/null; then set -- "$@" "npm_config_registry=$(npm config get registry)"; fi
	if [ -f "${NODE_EXTRA_CA_CERTS:-}" ]; then
		cp "$NODE_EXTRA_CA_CERTS" "$root/srv/certificates"
		set -- "$@" NODE_EXTRA_CA_CERTS=/srv/certificates
	fi
	say "$v: testing (.run/matrix/$v.log)"
	(EXEC=exec in_root "$root" "$@" make --no-print-directory -s -C /srv/calib test >"$log" 2>&1) &
	child=$!
	wait $child
	result=$?
	child=
	grep '^FAILED' "$log"
	rm -rf "$root/srv/calib" "$root/srv/CALIB_DATA" "$root/srv/CALIB_FIVETRAN" "$root/srv/certificates"
	[ -n "${MATRIX_ROOTS:-}" ] || rm -rf "$root"
	return $result
}

for v in ${VERSIONS:-15 17 18 19}; do
	began=$(date +%s)
	run_version "$v"
	case $? in
		0) word=$(grep ' passed, ' "$ROOT/.run/matrix/$v.log" | tail -1) ;;
		77) word="skipped: no root with it could be made" ;;
		*)
			status=1
			word="$(grep ' passed, ' "$ROOT/.run/matrix/$v.log" | tail -1 || true) <- failed"
			;;
	esac
	# a candidate may be missing; a release may not
	case "$v $word" in 1[578]' skipped'*) status=1 ;; esac
	table="$table
$v: $word ($(($(date +%s) - began)) s)"
done
printf '%s\n' "$table"
exit $status
