#!/bin/sh
# deb.sh: builds the Debian packages, one for each PostgreSQL that has its headers
# here, by the distribution's own tools, and leaves them in .run/deb.
#
# Set-up as root or through sudo; the build itself runs unprivileged, in a copy of the
# tree. DEB_BUILD_OPTIONS=nocheck leaves out the tests of the build (a few minutes).
set -eu
. "$(dirname "$0")/lib.sh"
. "$ROOT/scripts/roots.sh"

"$ROOT/scripts/setup.sh" deb
use_pg || die "no pg_config at $PG_CONFIG"
DIR=$(mktemp -d /tmp/calib-deb.XXXXXX)
trap 'rm -rf "$DIR"' EXIT
copy_tree "$DIR/calib"
chmod 755 "$DIR"
[ "$(id -u)" != 0 ] || chown -R postgres: "$DIR"

say "building"
as_server env DEB_BUILD_OPTIONS="${DEB_BUILD_OPTIONS:-}" sh -euc '
	cd "$1/calib"
	# debian/control in the repository names Debian 12'"'"'s PostgreSQL
	pg_buildext updatecontrol
	dpkg-buildpackage -us -uc -b' - "$DIR" >"$DIR/build.log" 2>&1 || {
	tail -n 60 "$DIR/build.log" >&2
	die "the build failed"
}
rm -rf "$ROOT/.run/deb"
mkdir -p "$ROOT/.run/deb"
cp "$DIR"/*.deb "$ROOT/.run/deb/"
mv "$DIR/build.log" "$ROOT/.run/deb/"
say "built: $(cd "$ROOT/.run/deb" && echo *.deb)"
