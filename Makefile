# make run [FILES=folder] [DATASET=name]     start Fairway on this machine and process files
# make cluster [FILES=folder]                start it with Kafka, versitygw and two worker hosts; needs Java, Maven and Go
#              [DOLPHINSCHEDULER=1]          and with DolphinScheduler, which runs the scheduled work
# make link                                  print a link that signs you in to the page of the running Fairway
# make top                                   show what the running Fairway is doing, live
# make video                                 install PyAV, for pictures of videos (contains parts under the GPL)
# make test                                  run all checks of CI: lint and tests
# make coverage                              the same, with a table of the lines that no test reached
# make lint | unit                           run only the linters and the type checker | only the unit tests
# make cases                                 read files that were once read wrongly
# make test-cluster                          test the cluster: journey, killed servers and hosts, rebalances, an upgrade
# make hostile | chaos                       test with hostile files | with outages, killed workers and a full disk
# make servers                               test with PostgreSQL 14 to 17 (needs Maven), and through pgbouncer, where installed
# make soak [SEED=n] [MINUTES=20] [SENT=50000]  run several tenants' work while everything fails at random; then send many files
# make fuzz [SECONDS=120]                    fuzz our own parsers, guided by coverage
# make bench [DATA=folder]                   run the benchmarks; DATA: labelled pages and documents to read
# make bench-smoke [ACCEPT=1]                 count what a file costs; fails if it costs more than recorded
# make sbom                                  list all dependencies with their licences: build/sbom, docs/licences.md
# make lint-deploy                           check the Helm chart, and run the commands of the Dockerfile (needs Go, root)
# make package [STAGE=dev]                   build the package for AWS Lambda: functions, layers, templates
# make web                                   check the modules of the page and the JavaScript client: types and tests
# make browser                               test the web page and the JavaScript client in Chromium
# make client                                install the Python client in a new environment, and test it there
# make rehearse [LOCALSTACK_HOST=name:port]  deploy the package to an AWS emulator and test it there

PYTHON ?= $(shell for p in python3.12 python3.13 python3.11 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python requirements/install.py --constraint constraints.txt
# Bytecode is written once, at the first import by any process, and into one folder.
export PYTHONPYCACHEPREFIX ?= $(abspath $(VENV))/bytecode

LAMBDA_PYTHON ?= $(shell for p in python3.12 "$$HOME"/.pyenv/versions/3.12*/bin/python3.12; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null \
	&& echo $$p && break; done)
STAGE ?= dev
WEB_MODULES := build/web-modules

.PHONY: web browser client cluster-programs lint-deploy cluster test-cluster coverage top link rehearse package run video sbom test lint unit bench bench-smoke clean hostile chaos soak fuzz cases
run:
	@$(MAKE) --no-print-directory --silent --jobs 2 $(VENV)/.local $(WEB_MODULES)/.ready
	@exec $(BIN)/python -m infra.local --files "$(FILES)" --dataset "$(DATASET)"

cluster: $(VENV)/.kafka $(WEB_MODULES)/.ready
	@FAIRWAY_CLUSTER_DOLPHINSCHEDULER="$(DOLPHINSCHEDULER)" exec $(BIN)/python -m infra.cluster --files "$(FILES)" --dataset "$(DATASET)"

link: $(VENV)/.local
	@$(BIN)/python -m infra.local.link

top: $(VENV)/.local
	@$(BIN)/python -m infra.local.top

video: $(VENV)/.local
	@$(INSTALL) --requirement requirements/video.txt

test: $(VENV)/.test lint
	@$(BIN)/python -m tests.system_packages
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder --ignore tests/acceptance/test_cases.py $(COVERED)
	@$(MAKE) --no-print-directory browser
	@$(BIN)/python -m tests.system_packages --missing

coverage: COVERED := --cov --cov-report=term:skip-covered
coverage: test

web: $(VENV)/.test web/node_modules/.ready
	@$(BIN)/python -m infra.web_check

browser: $(VENV)/.browser $(WEB_MODULES)/.ready web/node_modules/.ready
	@$(BIN)/python -m tests.system_packages
	$(BIN)/python -m pytest -p no:cacheprovider -v --durations=5 --numprocesses 2 --dist loadfile tests/browser/way.py tests/browser/table.py \
		tests/browser/uploads.py tests/browser/separation.py tests/browser/moves.py tests/browser/options.py tests/browser/touch.py tests/browser/client.py tests/browser/hostile.py tests/browser/accessibility.py tests/browser/keyboard.py

client: $(VENV)/.test
	$(BIN)/python -m pytest -p no:cacheprovider -v tests/packages/python_client.py

# What a cluster needs and PyPI does not have: it is fetched and built once, at the lowest priority, since CI tests meanwhile.
cluster-programs: $(VENV)/.test
	@nice -n 19 $(BIN)/python -m infra.cluster.programs
	@nice -n 19 $(BIN)/python -c "from infra.cluster import dolphinscheduler; dolphinscheduler.installed()"

test-cluster: $(VENV)/.test
	@$(BIN)/python -m infra.cluster.programs
	$(BIN)/python -m pytest -p no:cacheprovider --exitfirst -v -ra --durations=12 --numprocesses 2 --dist loadfile \
		--no-loadscope-reorder tests/cluster/dolphinscheduler.py tests/cluster/contract.py tests/cluster/access.py tests/cluster/events.py \
		tests/cluster/journey.py tests/cluster/outages.py tests/cluster/upgrade.py

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tools that take long to install, and the steps of the image. CI runs the others with `make test`.
DEPLOY_TOOLS := build/deploy-tools
GO_BIN = GOBIN="$(CURDIR)/$(DEPLOY_TOOLS)" go install
CRDS = $$(go mod download -json $(1) | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
lint-deploy: $(DEPLOY_TOOLS)/.ready
	DEPLOY_TOOLS=$(DEPLOY_TOOLS) $(BIN)/python -m pytest tests/deploy/charts.py tests/deploy/image.py
	@echo "What kube-score advises:"
	@$(DEPLOY_TOOLS)/helm template fairway deploy/helm/fairway --kube-version 1.37.0 | $(DEPLOY_TOOLS)/kube-score score --output-format ci - | grep -v '\[OK\]' || true

$(DEPLOY_TOOLS)/.ready: $(VENV)/.test requirements/deploy.txt tests/deploy/schemas.py
	@command -v go >/dev/null || { echo "make lint-deploy needs Go, which builds helm, kubeconform and kube-score. Install it."; exit 1; }
	@$(INSTALL) --requirement requirements/deploy.txt
	$(GO_BIN) helm.sh/helm/v3/cmd/helm@v3.22.0
	$(GO_BIN) github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
	$(GO_BIN) github.com/zegl/kube-score/cmd/kube-score@v1.20.0
	$(BIN)/python -m tests.deploy.schemas $(DEPLOY_TOOLS)/schemas \
		"$(call CRDS,github.com/kedacore/keda/v2@v2.21.0)"/config/crd/bases/keda.sh_*.yaml \
		"$(call CRDS,github.com/prometheus-operator/prometheus-operator@v0.85.0)"/example/prometheus-operator-crd/*_prometheusrules.yaml \
		"$(call CRDS,github.com/prometheus-operator/prometheus-operator@v0.85.0)"/example/prometheus-operator-crd/*_servicemonitors.yaml
	@touch $@

unit: $(VENV)/.test
	$(BIN)/python -m pytest tests/unit -q

SECONDS ?= 120
fuzz: $(VENV)/.test
	@$(INSTALL) --requirement requirements/fuzz.txt
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS)

cases: $(VENV)/.test
	$(BIN)/python -m pytest tests/acceptance/test_cases.py

hostile: $(VENV)/.test
	$(BIN)/python -m tests.hostile

servers: $(VENV)/.test
	@if command -v mvn >/dev/null; then $(BIN)/python -m tests.servers.servers; fi
	$(BIN)/python -m pytest tests/servers/suites.py -v

chaos: $(VENV)/.test
	$(BIN)/python -m tests.scenarios
	$(BIN)/python -m tests.chaos
	$(BIN)/python -m pytest -q -p no:cacheprovider tests/chaos/small_disk.py

MINUTES ?= 20
SENT ?= 50000
soak: $(VENV)/.test
	$(BIN)/python -m tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED))
	$(BIN)/python -m benchmarks.sending --lines 0 --known 0 --files $(SENT)

bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.first_steps
	$(BIN)/python -m benchmarks.api
	$(BIN)/python -m benchmarks.rows
	$(BIN)/python -m benchmarks.sending
	$(BIN)/python -m benchmarks.chain
	$(BIN)/python -m benchmarks.fairness
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.single_operations
	$(BIN)/python -m benchmarks.preview_service
	$(BIN)/python -m benchmarks.reprocess
	$(BIN)/python -m benchmarks.endurance
	$(BIN)/python -m benchmarks.dispatch
	$(BIN)/python -m benchmarks.audit
	$(BIN)/python -m benchmarks.cells
	$(BIN)/python -m benchmarks.waits
	$(BIN)/python -m benchmarks.cluster --simulate 200 --idle 50
	@if command -v java >/dev/null; then $(BIN)/python -m benchmarks.cluster --linear --elastic --outage --texts 200 --alone 40; \
	else echo "Skipped the benchmarks with Kafka, which need Java, Maven and Go"; fi
	$(BIN)/python -m benchmarks.aws_cost
	$(BIN)/python -m benchmarks.documents $(DATA)
	@if [ -n "$(DATA)" ]; then $(BIN)/python -m benchmarks.reading "$(DATA)"; $(BIN)/python -m benchmarks.learning "$(DATA)"; $(BIN)/python -m benchmarks.contest "$(DATA)"; \
	else echo "Skipped benchmarks.reading, benchmarks.learning and benchmarks.contest, which need a folder of labelled pages: make bench DATA=folder"; fi

bench-smoke: $(VENV)/.test
	@$(BIN)/python -m benchmarks.smoke $(if $(ACCEPT),--accept)

sbom: $(VENV)/.test build/sbom-venv/.ready
	@mkdir -p build/sbom
	build/sbom-venv/bin/cyclonedx-py environment --output-format JSON --output-file build/sbom/environment.cdx.json $(BIN)/python
	build/sbom-venv/bin/pip-licenses --python $(BIN)/python --format json --with-system --from mixed --output-file build/sbom/licences.json
	$(BIN)/python -m tests.sbom build/sbom

package: build/lambda-venv/.ready $(WEB_MODULES)/.ready
	@build/lambda-venv/bin/python -m infra.aws.package $(STAGE)

rehearse: $(VENV)/.test build/rehearsal-venv/.ready build/checkov-venv/.ready build/bare-venv/.ready
	@$(MAKE) --no-print-directory package STAGE=rehearsal
	$(BIN)/python -m pytest -p no:cacheprovider --exitfirst -vv --durations=12 \
		tests/rehearsal/linting.py tests/rehearsal/packaged.py tests/rehearsal/acts.py

build/rehearsal-venv/.ready: requirements/rehearsal.txt constraints.txt build/lambda-venv/.ready
	@$(LAMBDA_PYTHON) -m venv build/rehearsal-venv
	@build/rehearsal-venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement requirements/rehearsal.txt
	@touch $@

build/sbom-venv/.ready: requirements/sbom.txt $(VENV)/bin/python
	@$(VENV)/bin/python -m venv build/sbom-venv
	@build/sbom-venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/sbom.txt
	@touch $@

build/checkov-venv/.ready: requirements/checkov.txt build/lambda-venv/.ready
	@$(LAMBDA_PYTHON) -m venv build/checkov-venv
	@build/checkov-venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements/checkov.txt
	@touch $@

build/bare-venv/.ready: build/lambda-venv/.ready
	@$(LAMBDA_PYTHON) -m venv --without-pip build/bare-venv
	@touch $@

build/lambda-venv/.ready: requirements.txt requirements/core.txt requirements/kafka.txt constraints.txt
	@test -n "$(LAMBDA_PYTHON)" || { echo "Packaging needs Python 3.12, the version that Lambda runs. Set LAMBDA_PYTHON=/path/to/python3.12"; exit 1; }
	@$(LAMBDA_PYTHON) -m venv build/lambda-venv
	@build/lambda-venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement requirements.txt setuptools
	@touch $@

clean:
	rm -rf $(VENV) build

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Fairway needs Python 3.11, 3.12 or 3.13 with venv and pip. Set PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -m venv --without-pip $(VENV)

# The networks and the client are installed without what they require.
$(VENV)/.local: requirements/core.txt requirements/native.txt requirements/server.txt requirements/local.txt requirements/nets.txt constraints.txt clients/python/pyproject.toml | $(VENV)/bin/python
	@echo "Installing packages into $(VENV); this takes half a minute at most and is done once."
	@$(INSTALL) --requirement requirements/local.txt \
		--then --no-deps --ignore-requires-python --requirement requirements/nets.txt --then --no-deps --editable ./clients/python
	@touch $@

# The libraries of the web page. Without a network Fairway starts without the page, and tries again at the next start.
$(WEB_MODULES)/.ready: web/package-lock.json infra/web_modules.py | $(VENV)/bin/python
	@$(BIN)/python -m infra.web_modules || true

web/node_modules/.ready: web/package-lock.json | $(VENV)/bin/python
	@$(BIN)/python -m infra.web_modules --tools

$(VENV)/.browser: $(VENV)/.test requirements/browser.txt
	@$(INSTALL) --requirement requirements/browser.txt
	@touch $@

$(VENV)/.kafka: $(VENV)/.local requirements/kafka.txt
	@$(INSTALL) --requirement requirements/kafka.txt
	@touch $@

$(VENV)/.test: $(VENV)/.local requirements.txt requirements/kafka.txt requirements/test.txt requirements/video.txt
	@$(INSTALL) --requirement requirements/test.txt
	@touch $@
