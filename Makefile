# calib: build with PGXS. `make demo` and `make test` set up what they need by
# themselves (scripts/); everything else is what any PGXS user expects.

EXTENSION    = calib
EXTVERSION  := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" calib.control)
MODULE_big   = calib
OBJS         = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
INSTALL_SQL  = calib--$(EXTVERSION).sql
DATA_built   = $(INSTALL_SQL)
SQL_PARTS    = $(addprefix src/,$(addsuffix .sql,$(shell sed 's/\#.*//' src/order)))
PG_CPPFLAGS  = -I$(srcdir)/src -DCALIB_VERSION='"$(EXTVERSION)"'
PG_CFLAGS    = -Wall -Wextra -Wno-unused-parameter
REGRESS     := $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
ISOLATION   := $(patsubst tests/isolation/specs/%.spec,%,$(sort $(wildcard tests/isolation/specs/*.spec)))
ISOLATION_OPTS = --inputdir=tests/isolation
TAP_TESTS   := $(if $(wildcard tests/tap/*.pl),1)
PROVE_TESTS  = tests/tap/*.pl
EXTRA_CLEAN  = $(INSTALL_SQL) results output_iso tmp_check tmp_check_iso log

PG_CONFIG   ?= pg_config
PGXS        := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(wildcard $(PGXS)),)
include $(PGXS)

# The C objects all see the shared headers.
$(OBJS): $(wildcard src/*.h)
# The library tells the version it was built as.
src/library.o: calib.control
else
srcdir = .
all install uninstall installcheck clean:
	@echo "PostgreSQL's server headers were not found (PG_CONFIG=$(PG_CONFIG))." >&2
	@echo "Install postgresql-server-dev, or run 'make demo' or 'make test', which do." >&2
	@exit 1
endif

# The install script is the parts of src/order, in that order.
$(INSTALL_SQL): src/order $(SQL_PARTS) calib.control
	@{ printf '%s\n' '-- calib $(EXTVERSION), assembled from src/*.sql; do not edit' \
	       '\echo Use "CREATE EXTENSION calib" to load this file. \quit'; \
	   cat $(SQL_PARTS); } > $@

.PHONY: demo demo-stop dashboard test test-clients test-dashboard matrix deb test-deb dist feed-minute summaries real bench tamper fuzz
demo:
	@scripts/demo.sh
demo-stop:
	@scripts/cluster.sh stop demo
dashboard:
	@scripts/dashboard.sh
test:
	@scripts/test.sh
test-clients:
	@TESTS=none TAP="tests/clients/clients.pl tests/clients/grafana.pl" scripts/test.sh
test-dashboard:
	@scripts/test_dashboard.sh
feed-minute:
	@CALIB_FEED_SECONDS=60 TESTS=none TAP=tests/tap/feed.pl scripts/test.sh
matrix:
	@scripts/matrix.sh
deb:
	@scripts/deb.sh
test-deb:
	@scripts/deb_test.sh
dist:
	@scripts/dist.sh
# fails where one figure differs
summaries:
	@CALIB_ACTS=$(or $(ACTS),10000) TESTS=none TAP=tests/tap/activity_summary.pl scripts/test.sh
real:
	@scripts/real.sh "$(DATA)"
bench:
	@SCALE="$(SCALE)" scripts/bench.sh $(BENCH)
tamper:
	@scripts/tamper.sh $(ACTS)
fuzz:
	@scripts/fuzz.sh $(ROUNDS) $(SEED)
