#!/bin/bash
# test.sh: everything there is to check, on a fresh throwaway cluster.
#
# Set-up, build, formatting, then pg_regress, isolation and TAP tests, each
# kind whatever became of the others. The last line is `N passed, N failed`;
# the exit status says the same. CI=true turns warnings into errors.
# TESTS="a b" narrows pg_regress and isolation, TAP="tests/tap/x.pl" the rest.
# DASHBOARD=1 tests the dashboard in a narrowed run, too.
# BENCH=ci adds the check of the dashboards (bench/company.sh) to a narrowed run, BENCH=
# leaves it out of a whole one.
# CALIB_FEED_SECONDS: how long tests/tap/feed.pl works on a CRM (15).
# CALIB_PAGES: the pages tests/tap/docs.pl plays (all).
set -u
. "$(dirname "$0")/lib.sh"
passed=0
failed=0
name=test

finish() {
	trap - EXIT INT TERM
	if [ $failed = 0 ]; then
		"$ROOT/scripts/cluster.sh" stop $name
	else
		"$ROOT/scripts/cluster.sh" stop $name --keep
		if find_dir $name; then echo "What the tests left is in $DIR"; fi
	fi
	echo "$passed passed, $failed failed"
	[ $failed = 0 ] && exit 0
	exit 1
}
trap finish EXIT
trap 'failed=$((failed + 1)); exit' INT TERM

stop_here() {
	echo "FAILED: $1"
	failed=$((failed + 1))
	exit
}

mkdir -p "$ROOT/.run"
exec 9>"$ROOT/.run/test.lock"
if ! flock -n 9; then
	trap - EXIT
	echo "another make test is at work in this clone"
	echo "0 passed, 1 failed"
	exit 1
fi

taps=${TAP-$(cd "$ROOT" && ls tests/tap/*.pl tests/clients/*.pl 2>/dev/null)}
"$ROOT/scripts/setup.sh" test || stop_here "set-up"
case $taps in
	# without them the test says what it leaves out
	*tests/clients/*) "$ROOT/scripts/setup.sh" clients || say "not every client's driver is here" ;;
esac
use_pg || stop_here "no pg_config at $PG_CONFIG"
if [ "${CI:-}" = true ]; then export COPT="${COPT:-} -Werror"; fi

say "building for $("$PG_CONFIG" --version)"
build || stop_here "build"

# The rule is written for the clang-format of Debian 12; others differ in taste.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
	if (cd "$ROOT" && clang-format --dry-run -Werror src/*.[ch]); then
		passed=$((passed + 1))
		echo "ok     format"
	else
		failed=$((failed + 1))
		echo "FAILED format (clang-format -i src/*.[ch] mends it)"
	fi
else
	echo "       format not checked: clang-format 14 is not here"
fi

say "starting a throwaway cluster"
# Autovacuum is off: an ANALYZE is a writing transaction, for which a seal of the
# ledger's waits, and its time is nobody's to tell.
"$ROOT/scripts/cluster.sh" start $name autovacuum=off >/dev/null || stop_here "cluster"
find_dir $name

# The server user may not be able to read the clone, and writes beside what it
# reads: it works on a copy of the inputs in the run directory.
tree=$DIR/tree
mkdir "$tree"
for f in sql expected tests docs src demo bench dashboard/grafana scripts calib.control META.json LICENSE CHANGELOG.md README*.md; do
	mkdir -p "$tree/$(dirname "$f")"
	cp -R "$ROOT"/$f "$tree/$(dirname "$f")/" 2>/dev/null
done
# Real data for tests/tap/real.pl, where a developer or CI has them.
sample=${CALIB_DATA:-$ROOT/../shared/data/adventureworks_reseller}
if [ -d "$sample" ]; then cp -R "$sample" "$tree/sample" && chmod -R u+w "$tree/sample"; fi
# And for tests/tap/adapter.pl.
mkdir "$tree/fivetran"
for seeds in "${CALIB_FIVETRAN:-$ROOT/../shared/data}"/fivetran_*_seeds; do
	if [ -d "$seeds" ]; then cp -R "$seeds" "$tree/fivetran/" && chmod -R u+w "$tree/fivetran"; fi
done
if [ "$(id -u)" = 0 ]; then chown -R postgres:postgres "$tree"; fi

makevar() {
	make -s -C "$ROOT" PG_CONFIG="$PG_CONFIG" --eval="printvar: ; @echo \$($1)" printvar
}

# regress KIND PROGRAM INPUT TEST...: pg_regress or pg_isolation_regress over a
# list. Counts what it reports as passed, in the words of 15 or in TAP (16 and
# later); a test not reported at all (the server went down) has failed.
regress() {
	kind=$1 prog=$2 input=$3
	shift 3
	[ $# -gt 0 ] || return 0
	out=$DIR/$kind
	as_server mkdir -p "$out"
	say "$kind: $# tests"
	(cd "$tree" && as_server env PGHOST="$DIR" PGPORT=5432 PGUSER=postgres "$prog" \
		--inputdir="$input" --outputdir="$out" --bindir="$BIN" \
		--dbname="${kind}_calib" "$@") >"$DIR/$kind.log" 2>&1
	sed -nE \
		-e 's/^(test|    ) +([^ ]+) +\.\.\. ok.*/ok     \2/p' \
		-e 's/^(test|    ) +([^ ]+) +\.\.\. .*/FAILED \2/p' \
		-e 's/^ok [0-9]+ +[-+] ([^ ]+).*/ok     \1/p' \
		-e 's/^not ok [0-9]+ +[-+] ([^ ]+).*/FAILED \1/p' "$DIR/$kind.log" |
		tee "$DIR/$kind.list"
	ok=$(grep -c '^ok ' "$DIR/$kind.list")
	passed=$((passed + ok))
	failed=$((failed + $# - ok))
	[ "$ok" = $# ] && return
	if [ -s "$out/regression.diffs" ]; then
		cat "$out/regression.diffs"
	else
		cat "$DIR/$kind.log"
	fi
}

# tap FILE: each assertion at the top level is one test; a script that dies
# without a failed one has failed once.
tap() {
	as_server mkdir -p "$DIR/tap"
	log=$DIR/tap/$(basename "$1" .pl).log
	(cd "$tree" && as_server env TESTDIR="$DIR/tap" TESTDATADIR="$DIR/tap/tmp_check" TESTLOGDIR="$DIR/tap/tmp_check/log" \
		CALIB_DATA="$tree/sample" CALIB_FIVETRAN="$tree/fivetran" CALIB_FEED_SECONDS="${CALIB_FEED_SECONDS:-15}" \
		CALIB_PAGES="${CALIB_PAGES:-}" PGPORT=65432 LC_ALL=C \
		TEMP_CONFIG="$DIR/temp.conf" PG_TEST_PORT_DIR="$DIR/tap/ports" \
		PG_REGRESS="$PGTEST/regress/pg_regress" TMPDIR="$DIR/tap" \
		prove -v -I "$PGTEST/perl" -I . "$1") >"$DIR/tap.out" 2>&1
	status=$?
	mv "$DIR/tap.out" "$log"
	ok=$(grep '^ok ' "$log" | grep -vc '# *skip')
	bad=$(grep '^not ok ' "$log" | grep -vc '# *TODO')
	died=
	if [ $status != 0 ] && [ "$bad" = 0 ]; then bad=1 died=1; fi
	passed=$((passed + ok))
	failed=$((failed + bad))
	# what a script leaves out, for a driver that is not here
	sed -nE 's/^ok [0-9]+ # skip (.*)/       skipped: \1/p' "$log"
	if [ "$bad" = 0 ] && grep -q 'skipped: ' "$log"; then
		echo "       $1 $(sed -n 's/.*\(skipped: [^s].*\)/\1/p' "$log" | head -1)"
	elif [ "$bad" = 0 ]; then
		echo "ok     $1 ($ok)"
	else
		echo "FAILED $1 ($ok passed, $bad failed)"
		grep -v '^ok ' "$log"
		if [ -n "$died" ]; then
			tail -n 40 "$DIR/tap/tmp_check/log/regress_log_$(basename "$1" .pl)"
		fi
	fi
}

# Those of the wanted tests (TESTS; all where it is not set) that are of a kind.
wanted() {
	for t in $(makevar "$1"); do
		case " ${TESTS-$t} " in *" $t "*) echo "$t" ;; esac
	done
}

# shellcheck disable=SC2046 # lists of names
{
	regress regress "$PGTEST/regress/pg_regress" "$tree" $(wanted REGRESS)
	regress isolation "$PGTEST/isolation/pg_isolation_regress" "$tree/tests/isolation" \
		$(wanted ISOLATION)
}
say "tap"
for t in $taps; do
	tap "$t"
done
# The dashboard in a browser; of a narrowed run only where DASHBOARD asks for it.
dashboard() {
	say "dashboard"
	log=$DIR/dashboard.log
	status=0
	"$ROOT/scripts/test_dashboard.sh" --if-there >"$log" 2>&1 9>&- || status=$?
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	if [ $status != 0 ] && [ "$bad" = 0 ]; then bad=1; fi
	passed=$((passed + ok))
	failed=$((failed + bad))
	if [ "$bad" != 0 ]; then
		echo "FAILED dashboard ($ok passed, $bad failed)"
		grep -v '^ok ' "$log"
	elif grep -q '^skipped: ' "$log"; then
		echo "       dashboard $(grep '^skipped: ' "$log")"
	else
		echo "ok     dashboard ($ok)"
	fi
}
if [ -n "${DASHBOARD-}" ] || [ -z "${TESTS+set}${TAP+set}" ]; then dashboard; fi
# The dashboards of a generated company against plain SQL, row by row, as one test:
# times are nobody's here.
if [ -z "${TESTS+set}${TAP+set}" ]; then BENCH=${BENCH-ci}; fi
if [ -n "${BENCH:-}" ]; then
	say "bench"
	if PGHOST=$DIR PGPORT=5432 PGUSER=postgres PATH="$BIN:$PATH" SCALE=$BENCH RUNS=1 \
		sh "$ROOT/bench/company.sh" >"$DIR/bench.log" 2>&1; then
		passed=$((passed + 1))
		echo "ok     bench/company.sh ($(grep -c '^same' "$DIR/bench.log") answers)"
	else
		failed=$((failed + 1))
		echo "FAILED bench/company.sh"
		cat "$DIR/bench.log"
	fi
fi
say "done"
