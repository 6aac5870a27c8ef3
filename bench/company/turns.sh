# turns.sh: what the parts of the company's bench share. Sourced, never run.
#
# A file of a query is a psql script that says SETs, then \timing on, then one
# statement; for the other engines it is the statement alone. What was taken is
# kept in $work/took, a line a run: part, side, run, milliseconds.

run() { psql -X -q -v ON_ERROR_STOP=1 "$@"; }

# Milliseconds of the statement in FILE, seen from the client, all rows fetched.
# WARM=1: in a session that has run it once before, as a pool's sessions have.
pg_ms() {
	if [ "${WARM:-}" = 1 ]; then cat "$1" "$1"; else cat "$1"; fi |
		run -A -t -o /dev/null -f - >"$work/time" || return 1
	sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$work/time" | tail -n 1
}

# pg_rows FILE ROWS: its rows as CSV, sorted, for comparing; prints the milliseconds
pg_rows() {
	run --csv -t -f "$1" >"$work/unsorted"
	sed '/^Time: /d; /^SET$/d' "$work/unsorted" | sort >"$2"
	sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' "$work/unsorted"
}

# took PART SIDE RUN MS
took() {
	[ -n "$4" ] || die "no time of $1 $2"
	echo "$1	$2	$3	$4" >>"$work/took"
}

# fastest PART SIDE FILE...: the formulation that counts, as $work/PART.SIDE.
# Each has to give the rows of calib's before.
fastest() {
	part=$1 side=$2
	shift 2
	least=
	for file in "$@"; do
		ms=$(pg_rows "$file" "$work/rows")
		same "$part" "$(basename "$file")" "$work/rows"
		say "$part: $(basename "$file") $ms ms"
		if [ -z "$least" ] || [ "$(echo "$ms < $least" | awk '{ print ($1 < $3) }')" = 1 ]; then
			least=$ms
			cp "$file" "$work/$part.$side"
			basename "$file" .sql >"$work/$part.$side.name"
		fi
	done
}

# same PART WHO ROWS: equal to $work/PART.rows line by line, numbers within 1e-9
same() {
	awk -F, -v who="$1 $2" '
		NR == FNR { one[FNR] = $0; n = FNR; next }
		{
			m = FNR
			k = split(one[FNR], a, ",")
			bad = k != NF
			for (i = 1; i <= NF && !bad; i++) {
				d = a[i] - $i; if (d < 0) d = -d
				s = a[i] < 0 ? -a[i] : a[i]
				bad = a[i] != $i && (a[i] == "" || $i == "" || d > 1e-9 * s)
			}
			if (bad && wrong++ < 3) print "WRONG " who ": calib says " one[FNR] ", it says " $0
		}
		END {
			if (n != m) print "WRONG " who ": calib has " n " rows, it has " m
			if (n != m || wrong || !n) print "WRONG " who
		}' "$work/$1.rows" "$3" >"$work/wrong"
	if [ ! -s "$work/wrong" ]; then
		echo "same   $1: $2, $(wc -l <"$3") rows"
		return
	fi
	cat "$work/wrong"
	echo "$1 $2" >>"$work/wrongs"
}

# The other engines -----------------------------------------------------------
# Each a node process that takes commands from one pipe and answers on another.

# engine NAME MODULE: starts it where its package is; else says so
engine() {
	if ! command -v node >/dev/null || [ ! -d "node_modules/$2" ]; then
		say "skipped: $1 (no $2; scripts/setup.sh bench installs it)"
		return
	fi
	mkfifo "$work/$1.in" "$work/$1.out"
	node company/engine.mjs "$1" "$work/$1.data" <"$work/$1.in" >"$work/$1.out" 2>"$work/$1.err" &
	case $1 in
		duckdb) exec 3>"$work/$1.in" 4<"$work/$1.out" ;;
		clickhouse) exec 5>"$work/$1.in" 6<"$work/$1.out" ;;
	esac
	engines="$engines $1"
}

# ask NAME COMMAND FILE [OUT]: run, time or csv; prints what it answers
ask() {
	name=$1
	shift
	case $name in
		duckdb) echo "$*" >&3 && read -r answer <&4 ;;
		clickhouse) echo "$*" >&5 && read -r answer <&6 ;;
	esac
	case $answer in ok*) echo "${answer#ok }" ;; *) die "$name: $answer" ;; esac
}

# fastest_of ENGINE PART FILE...
fastest_of() {
	name=$1 part=$2
	shift 2
	least=
	for file in "$@"; do
		ms=$(ask "$name" csv "$file" "$work/engine.csv")
		sort "$work/engine.csv" >"$work/rows"
		same "$part" "$(basename "$file")" "$work/rows"
		say "$part: $(basename "$file") $ms ms"
		if [ -z "$least" ] || [ "$(echo "$ms < $least" | awk '{ print ($1 < $3) }')" = 1 ]; then
			least=$ms
			cp "$file" "$work/$part.$name"
		fi
	done
}
