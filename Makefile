# make demo [FOR=60s] [JSON=1] [MONITORS=200]   the whole service on this machine, with a simulated fleet
# make test                                     every check and test, on real servers
# make soak                                     what takes longer: faults at random moments, and the like
# make audit                                    known weaknesses of what we depend on, where an advisory source is reached
# make bench                                    the figures of the README

.PHONY: demo test lint audit soak bench

# Compiled modules are kept, or each process of the tests compiles all of them anew.
unexport PYTHONDONTWRITEBYTECODE

demo:
	@.ci/venv requirements.lock
	@exec .venv/bin/fumewatch demo $(if $(FOR),--for $(FOR)) $(if $(JSON),--json) $(if $(MONITORS),--monitors $(MONITORS))

lint:
	@.ci/venv requirements-dev.lock
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/lint-imports
	.venv/bin/mypy
	.venv/bin/bandit -q -r fumewatch -c pyproject.toml

audit:
	@.ci/venv requirements-dev.lock
	@.venv/bin/python .ci/audit requirements.lock

test: lint
	@.ci/services
	.venv/bin/pytest -n 3 --dist worksteal $(ARGS)

soak:
	@.ci/venv requirements-dev.lock
	@.ci/services soak
	.venv/bin/pytest -n 2 --dist worksteal -m soak --timeout 1800 $(ARGS)

bench:
	@.ci/venv requirements-dev.lock
	@.ci/services
	.venv/bin/python -m tests.bench $(ARGS)
