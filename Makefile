# Each target sets up all that it needs, once: the Python packages in .venv, and (demo, test, bench) a private Asterisk in
# ~/.cache/acd, which touches nothing of the machine's own.

.PHONY: demo test bench fuzz lint golden soak mutants
.DEFAULT_GOAL := demo

READY := .venv/.ready

$(READY): pyproject.toml constraints.txt tools/venv
	@tools/venv .venv
	@touch $@

# A call centre to watch. `make demo CALLS=20` ends by itself: status 0 if all calls were answered.
demo: $(READY)
	@.venv/bin/acd demo $(if $(CALLS),--calls $(CALLS))

# All tests, those against a real Asterisk 22 and 16 included. `make test ARGS="-k place"` runs some.
test: $(READY)
	@.venv/bin/acd pbx install --release 22 --release 16 --sipp
	@.venv/bin/pytest -n auto $(ARGS)

# acd beside app_queue, and alone: a quarter of an hour; all goes to docs/bench/. `make bench QUICK=1`: four minutes, and
# nothing is written. `.venv/bin/python -m bench load` and `… soak` are the acceptance load and the soak, `… storm` are
# floods of events and of callers, all on a real Asterisk.
bench: $(READY)
	@.venv/bin/acd pbx install --sipp
	@.venv/bin/python -m bench all $(if $(QUICK),--quick) $(ARGS)

# The API by its own description, and the AMI reader by whatever bytes, SECONDS each: status 1 if something is found.
fuzz: $(READY)
	@.venv/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[fuzz]'
	@.venv/bin/python -m fuzz.api $(or $(SECONDS),600)
	@.venv/bin/python -m fuzz.ami $(or $(SECONDS),600)

lint: $(READY)
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

# For each release, before it goes out: journals as it writes them, which all later ones must read the same.
golden: $(READY)
	@PYTHONPATH=tests .venv/bin/python -m journal.recording

# Small call centres in virtual time in which everything goes wrong, one a seed, on all cores: some
# 12 a second on each.
# `make soak SEEDS=1 FIRST=17` lives through that one again and tells what went wrong in it.
# (The soak of `python -m bench soak` is another thing: hours of load on a real Asterisk.)
soak: $(READY)
	@.venv/bin/python -m tests.simulation.storm $(or $(SEEDS),1000) --first $(or $(FIRST),1)

# Whether the fast tests notice a bug: the code with one mistake in it, some 60 times.
# `make mutants SAMPLE=100 SEED=2` draws mistakes by lot.
mutants: $(READY)
	@.venv/bin/python tests/mutations.py $(if $(SAMPLE),--sample $(SAMPLE) --seed $(or $(SEED),1)) $(ARGS)
