# The five commands anyone needs. `make run` and `make test` install what is missing first.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# Weights are fetched with pip too, and older ones cannot tell how far a download is.
PIP := 26.3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: run up test lint bench bench-train fuzz lock install

run: $(INSTALLED)            ## install, start everything, set up the sample clinic and train its first model
	$(BIN)/python manage.py up --first-run

up: $(INSTALLED)             ## start everything, without the sample clinic
	$(BIN)/python manage.py up

test: $(INSTALLED)           ## all tests; those that need a browser, weights or open data say so when they skip
	$(BIN)/python -m pytest $(PYTEST)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy platform jobs
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(INSTALLED)          ## the measurements in docs/benchmarks.md
	$(BIN)/python benchmarks/bench_main_job.py
	$(BIN)/python benchmarks/bench_preflight.py
	$(BIN)/python benchmarks/bench_privacy.py
	$(BIN)/python benchmarks/bench_serving.py
	$(BIN)/python benchmarks/phi_inserted.py --seed 1 --unseen --score

fuzz: $(INSTALLED)           ## 2,000 requests that the endpoint's OpenAPI documents allow, and that they do not
	API_CASES=2000 $(BIN)/python -m pytest -q -s tests/summaries/test_api_schema.py

bench-train: $(INSTALLED)    ## the train stage against plain SFTTrainer and the processor, and a training killed twenty times
	$(BIN)/python benchmarks/bench_train.py
	$(BIN)/python benchmarks/bench_resume.py

lock: $(INSTALLED)           ## pin the newest versions that pyproject.toml allows
	$(BIN)/pip-compile --quiet --upgrade --extra dev --strip-extras --no-header --no-annotate \
	    --no-emit-find-links --no-emit-index-url --no-emit-trusted-host -o requirements.lock pyproject.toml
	sed -i 's/^\(torch==[0-9.]*\)+cpu$$/\1/' requirements.lock

install: $(INSTALLED)

$(INSTALLED): requirements.lock
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info[:2] != (3, 11))" \
	    || { echo "Precis needs Python 3.11. Install it, or name it: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==$(PIP)
	$(BIN)/python -m pip install --quiet -r requirements.lock
	@touch $(INSTALLED)
