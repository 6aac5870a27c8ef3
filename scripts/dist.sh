#!/bin/sh
# dist.sh: the release for PGXN: what is committed, as NAME-VERSION.zip in .run/dist. It
# is made only where META.json holds, names files that are in it, and the release builds
# by itself.
set -eu
. "$(dirname "$0")/lib.sh"
use_pg || { "$ROOT/scripts/setup.sh" build && use_pg; } || die "no pg_config at $PG_CONFIG"
cd "$ROOT"
ref=${DIST_REF:-HEAD}
DIR=$(mktemp -d /tmp/calib-dist.XXXXXX)
trap 'rm -rf "$DIR"' EXIT

git show "$ref:META.json" >"$DIR/META.json"
git show "$ref:calib.control" >"$DIR/calib.control"
git ls-tree -r --name-only "$ref" | perl scripts/check_meta.pl --files "$DIR/META.json" "$DIR/calib.control" >"$DIR/faults" ||
	die "META.json does not hold:" "$(cat "$DIR/faults")"
name=$(perl -MJSON::PP -0777 -ne '$m = decode_json($_); print "$m->{name}-$m->{version}"' "$DIR/META.json")

say "building $name from what is committed"
git archive --prefix="$name/" "$ref" | tar -C "$DIR" -xf -
make -s -C "$DIR/$name" PG_CONFIG="$PG_CONFIG" with_llvm=no all
make -s -C "$DIR/$name" PG_CONFIG="$PG_CONFIG" with_llvm=no DESTDIR="$DIR/stage" install >"$DIR/log" 2>&1 || die "$(cat "$DIR/log")"
for file in "$("$PG_CONFIG" --pkglibdir)/calib.so" "$("$PG_CONFIG" --sharedir)/extension/calib.control"; do
	[ -e "$DIR/stage$file" ] || die "make install does not install $file"
done
mkdir -p .run/dist
git archive --format=zip --prefix="$name/" -o ".run/dist/$name.zip" "$ref"
say "made .run/dist/$name.zip"
