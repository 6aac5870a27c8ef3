#!/bin/sh
# deb_test.sh: the built package installed in a throwaway root, its smoke test
# (debian/tests/smoke, as autopkgtest would run it), and its removal without a trace.
#
# The last line is `N passed, N failed`. MATRIX_ROOTS is a directory of roots to copy
# one from (root15, ...), as in matrix.sh.
set -u
. "$(dirname "$0")/lib.sh"
. "$ROOT/scripts/roots.sh"
use_pg || { "$ROOT/scripts/setup.sh" build && use_pg; } || die "no pg_config at $PG_CONFIG"

why=$(no_roots)
if [ -n "$why" ]; then
	echo "skipped: $why"
	echo "0 passed, 0 failed"
	exit 0
fi
passed=0
failed=0
root=$ROOT/.run/roots/deb
package=postgresql-$MAJOR-calib
mkdir -p "$ROOT/.run"
log=$ROOT/.run/deb_test.log
: >"$log"

finish() {
	rm -rf "$root"
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
}

# check WORDS COMMAND...: one test.
check() {
	words=$1
	shift
	if "$@" >>"$log" 2>&1; then
		passed=$((passed + 1))
		echo "ok     $words"
	else
		failed=$((failed + 1))
		echo "FAILED $words"
		tail -n 30 "$log"
	fi
}

# What the root has of calib, besides the package's own files.
left() {
	[ -z "$(find "$root/usr" "$root/etc" "$root/var/lib" -path "$root/var/lib/dpkg" -prune -o -path "$root/var/lib/apt" -prune -o -name '*calib*' -print)" ]
}

DEB_BUILD_OPTIONS=nocheck "$ROOT/scripts/deb.sh" || { failed=1; finish; exit 1; }
if [ -d "${MATRIX_ROOTS:-}/root$MAJOR/etc" ]; then
	rm -rf "$root"
	mkdir -p "$ROOT/.run/roots"
	cp -a "$MATRIX_ROOTS/root$MAJOR" "$root"
else
	say "making a root of $(suite_of "$MAJOR")"
	make_root "$(suite_of "$MAJOR")" "$root" postgresql-common >>"$log" 2>&1 || {
		tail -n 20 "$log"
		failed=1
		finish
		exit 1
	}
fi
mkdir -p "$root/srv/deb"
cp "$ROOT"/.run/deb/"${package}"_*.deb "$ROOT/debian/tests/smoke" "$root/srv/deb/"
say "installing $package"
check "the package installs, with what it depends on" in_root "$root" sh -c \
	"apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq -y install /srv/deb/*.deb"
check "its library and its scripts are the package's" in_root "$root" sh -euc "
	dpkg -S \"\$(pg_config --pkglibdir 2>/dev/null || echo /usr/lib/postgresql/$MAJOR/lib)/calib.so\"
	dpkg -S /usr/share/postgresql/$MAJOR/extension/calib.control"
check "the smoke test passes as an unprivileged user" in_root "$root" \
	setpriv --reuid=postgres --regid=postgres --init-groups env HOME=/tmp sh /srv/deb/smoke
check "it installs a second time over itself" in_root "$root" sh -c \
	"DEBIAN_FRONTEND=noninteractive apt-get -qq -y reinstall /srv/deb/*.deb"
check "it is purged" in_root "$root" sh -c "DEBIAN_FRONTEND=noninteractive apt-get -qq -y purge $package"
check "... and leaves nothing" left
finish
