# Every command of the project; `make help` lists them.

PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
UV := $(BIN)/uv
LOCKED := .venv/.locked
# On two cores: a third of the time a test waits for a server or a disk.
PYTEST := $(BIN)/pytest -n 3 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup run test test-postgres check format bench profile schema lock audit \
	fuzz-schema fuzz-inputs properties model refusals tenants idempotency kills imports sends \
	deliveries opt-ins soak clean

help:  ## List the commands.
	@sed -n 's/^\([a-z-]*\):.*  ## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 24

setup: $(LOCKED)  ## Make .venv with everything in it, so that .venv/bin/kith works.

run: setup  ## Start Kith with 1,000 demo contacts in ./kith.db, on http://127.0.0.1:8000 or PORT.
	@export KITH_DATABASE_URL=sqlite:///./kith.db && \
	    token=$$($(BIN)/kith demo --contacts 1000 --json | sed 's/.*"token":"\([^"]*\)".*/\1/') && \
	    test -n "$$token" && printf '%s\n' '' \
	        'Who is +14155550123? Ask from another terminal:' '' \
	        "  curl -sS http://127.0.0.1:$(PORT)/api/v1/actions/get-contact \\" \
	        "    -H 'Authorization: Bearer $$token' \\" \
	        "    -H 'Content-Type: application/json' \\" \
	        "    -d '{\"phone\": \"+14155550123\"}'" '' \
	        "To read, and to try requests in: http://127.0.0.1:$(PORT)/docs" \
	        "For the samples of README.md:    export KITH_TOKEN=$$token" '' \
	        'Ctrl-C stops Kith; ./kith.db keeps the data.' '' && \
	    exec $(BIN)/kith serve --host 127.0.0.1 --port $(PORT)

test: setup  ## Run the tests; nothing but Python is needed.
	$(PYTEST)

test-postgres: setup  ## Run the tests on the PostgreSQL of KITH_TEST_DATABASE_URL.
	@test -n "$$KITH_TEST_DATABASE_URL" || { echo "Set KITH_TEST_DATABASE_URL=postgresql://..., an empty database." >&2; exit 2; }
	$(PYTEST)

check: setup  ## Format, lint, types and architecture.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_architecture.py tests/test_docs.py tests/test_project.py

format: setup  ## Format the code and mend what the linter can.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup  ## Measure the speed; results go to bench/results/.
	$(BIN)/uv venv -q --allow-existing var/bench/venv
	$(BIN)/uv pip sync -q --compile-bytecode -p var/bench/venv/bin/python --require-hashes locks/run.txt
	$(BIN)/python -m bench.run

profile: setup  ## Show where a get-contact spends its time, or a KIND=verdict, create, update, tag, webhook, read.
	$(BIN)/python -m bench.profile

schema: setup  ## Write schema.sql anew from the migrations.
	$(BIN)/python -m tests.store.write_schema

lock: setup  ## Write the lock files anew, with hashes.
	$(UV) pip compile -q --universal --generate-hashes --no-header pyproject.toml -o locks/run.txt
	$(UV) pip compile -q --universal --generate-hashes --no-header pyproject.toml --group dev -o locks/dev.txt

audit: setup  ## Look for known advisories in what Kith runs on.
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r locks/run.txt

fuzz-schema: setup  ## Long: 100,000 requests made from the OpenAPI document.
	KITH_TEST_SCHEMA_CASES=100000 $(PYTEST) tests/api/test_schema_conformance.py

fuzz-inputs: setup  ## Long: 1,000,000 inputs for everything that parses.
	KITH_TEST_FUZZ_INPUTS=1000000 $(PYTEST) tests/long/test_inputs.py

properties: setup  ## Long: 10,000 new examples for every property that has no number of its own.
	KITH_TEST_EXAMPLES=10000 $(PYTEST) $$(grep -rl '@given' tests)

model: setup  ## Long: 10,000 sequences of calls, compared with a plain model.
	KITH_TEST_MODEL_RUNS=10000 $(PYTEST) tests/long/test_model.py

refusals: setup  ## Long: 10,000 refused requests that must change nothing.
	KITH_TEST_REFUSALS=10000 $(PYTEST) tests/long/test_refusals.py

tenants: setup  ## Long: 100,000 calls with another workspace's ids, phones, addresses and keys.
	KITH_TEST_TENANT_CASES=100000 $(PYTEST) tests/long/test_tenants.py

idempotency: setup  ## Long: 10,000 keys, each called by up to ten at once; one effect each.
	KITH_TEST_IDEMPOTENCY_KEYS=10000 $(PYTEST) tests/long/test_idempotency.py

kills: setup  ## Long: 100 servers killed under load; nothing acknowledged may be lost.
	KITH_TEST_KILLS=100 $(PYTEST) tests/store/test_crashes.py

imports: setup  ## Long: a file of 100 MB, its import killed 20 times; each row once, and once more nothing.
	KITH_TEST_IMPORT_MB=100 KITH_TEST_IMPORT_KILLS=20 $(PYTEST) tests/cli/test_import_kills.py -k large

sends: setup  ## Long: 10,000 sends on bad days: each seen once or never, none lost in silence.
	KITH_TEST_SENDS=10000 $(PYTEST) tests/long/test_sends.py

deliveries: setup  ## Long: 100,000 webhooks forged, and as many repeated in any order.
	KITH_TEST_FORGED=100000 KITH_TEST_DELIVERIES=100000 $(PYTEST) tests/long/test_deliveries.py

opt-ins: setup  ## Long: 100,000 posts to a form on a web page, within their limits.
	KITH_TEST_WIDGET_POSTS=100000 $(PYTEST) tests/api/test_widget.py -k flood

soak: fuzz-schema fuzz-inputs properties model refusals tenants idempotency kills imports sends deliveries opt-ins  ## Every long run, one after another.

clean:  ## Remove .venv and caches; never a database.
	rm -rf .venv .cache .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist

$(LOCKED): locks/dev.txt pyproject.toml
	@echo "Setting up .venv ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Kith needs Python 3.11 or newer; give one with: make setup PYTHON=python3.12" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || { rm -rf .venv; \
	    echo "Python cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@test -x $(UV) || { awk '/^[^ #]/ { uv = /^uv==/ } uv' locks/dev.txt > .venv/uv.txt && \
	    $(BIN)/pip install -q --disable-pip-version-check --require-hashes -r .venv/uv.txt; }
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes locks/dev.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
