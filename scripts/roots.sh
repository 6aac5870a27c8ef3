# roots.sh: throwaway Debian roots to build and test in. Sourced, after lib.sh.
#
# A root is a directory with a Debian of its own, made by mmdebstrap from the mirror
# that apt of this machine is set to; that address is read when it is needed. What runs
# in a root runs in name spaces of its own, and ends with them.

# Says why there can be no roots here; silent where there can.
no_roots() {
	if [ "$(id -u)" != 0 ]; then
		echo "it takes root to make a throwaway root"
	elif ! command -v apt-get >/dev/null; then
		echo "throwaway roots are made with apt"
	elif ! unshare --mount --pid --ipc --fork --kill-child true 2>/dev/null; then
		echo "name spaces are not allowed here"
	fi
}

# The mirror of this machine's apt.
mirror() {
	{
		sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
		sed -n 's/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' /etc/apt/sources.list
	} 2>/dev/null | head -1
}

# Which Debian has a major version of PostgreSQL.
suite_of() {
	case $1 in
		15) echo bookworm ;;
		17) echo trixie ;;
		18) echo sid ;;
		*) echo experimental ;;
	esac
}

# mmdebstrap, from the machine or unpacked below .run.
find_mmdebstrap() {
	MMDEBSTRAP=mmdebstrap
	command -v mmdebstrap >/dev/null && return
	MMDEBSTRAP=$ROOT/.run/mmdebstrap/usr/bin/mmdebstrap
	[ ! -f "$MMDEBSTRAP" ] || return 0
	mkdir -p "$ROOT/.run/mmdebstrap"
	(cd "$ROOT/.run/mmdebstrap" && apt-get -qq download mmdebstrap && dpkg -x mmdebstrap_*.deb .) >/dev/null
}

# make_root SUITE DIR PACKAGES: PACKAGES is a list with commas.
make_root() {
	find_mmdebstrap
	base=$1
	[ "$base" != experimental ] || base=sid
	rm -rf "$2"
	mkdir -p "$(dirname "$2")"
	# The Release file of a suite that does not stand still may be past its date.
	perl "$(command -v "$MMDEBSTRAP")" --quiet --mode=root --variant=apt --include="ca-certificates,procps" \
		--aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
		"$base" "$2" "$(mirror)" || return 1
	# The machine's own release with its updates, as the machine has them.
	case "$(cat /etc/os-release)" in
		*VERSION_CODENAME="$base"*) cp /etc/apt/sources.list.d/*.sources "$2/etc/apt/sources.list.d/" ;;
	esac
	if [ "$1" = experimental ]; then
		echo "deb $(mirror) experimental main" >"$2/etc/apt/sources.list.d/experimental.list"
	fi
	# Servers installed in it neither start nor make a cluster.
	printf '#!/bin/sh\nexit 101\n' >"$2/usr/sbin/policy-rc.d"
	chmod 755 "$2/usr/sbin/policy-rc.d"
	mkdir -p "$2/etc/postgresql-common"
	echo "create_main_cluster = false" >"$2/etc/postgresql-common/createcluster.conf"
	names=$(echo "$3" | tr , ' ')
	# Of a suite that is no whole Debian only what is asked for is taken.
	[ "$1" != experimental ] ||
		names="$(echo "$names" | sed -E 's,(postgresql-[a-z-]*[0-9]+),\1/experimental,g') libpq5/experimental libpq-dev/experimental"
	# shellcheck disable=SC2086 # a list of names
	in_root "$2" sh -euc 'apt-get -qq update
		DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Options::=--force-confold install "$@"' - $names
}

# in_root DIR COMMAND...: as root of that root, with a clean environment. EXEC=exec lets
# it take the place of the (sub)shell that calls it, whose process can then be ended.
in_root() {
	root=$1
	shift
	cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null || true
	${EXEC:-} unshare --mount --pid --ipc --fork --kill-child sh -euc '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		# the first process there: a shell that waits, and so buries whose parents are gone
		exec chroot "$root" env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
			HOME=/root LANG=C.UTF-8 sh -c '\''env "$@"; exit $?'\'' - "$@"' - "$root" "$@"
}

# copy_tree DIR: what is tracked, or would be, and no build products.
copy_tree() {
	rm -rf "$1"
	mkdir -p "$1"
	(
		cd "$ROOT" || exit
		if git rev-parse --git-dir >/dev/null 2>&1; then
			git ls-files -z --cached --others --exclude-standard |
				tar --null --files-from=- --ignore-failed-read -cf - 2>/dev/null
		else
			# an unpacked release
			tar -cf - --exclude=./.run --exclude=node_modules --exclude='*.o' --exclude='*.so' --exclude='*.bc' .
		fi
	) | tar --no-same-owner -C "$1" -xf -
	chmod 755 "$1"
}
