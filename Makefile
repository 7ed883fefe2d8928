# `make convert` and `make test` set up what they need, once. `make help` lists the rest.

ifeq ($(origin MODEL), undefined)
MODEL := examples/mobilenet_v2.py:mobilenet_v2
INPUT ?= input=1x3x224x224
endif
ENGINE ?= auto
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# What onnx2tf needs; without one, uv fetches it.
PYTHON312 ?= $(shell for python in python3.12 $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.12.*/bin/python3.12; do \
	$$python -c '' 2>/dev/null && echo $$python && break; done)

host := .venv/host.ready
dev := .venv/dev.ready
peers := .venv/onnx2tf.ready .venv/litert.ready
accuracy := .venv/data.ready .venv/litert-quantizer.ready .venv/tensorflow.ready

.DELETE_ON_ERROR:
.PHONY: help convert test test-lowest test-pythons lint lock base engine engine-stop registry registry-stop bench bench-adapt bench-archives bench-batch bench-cached bench-cluster bench-shared bench-variants bench-peers bench-environment bench-scale bench-tune op-costs \
	devices digits zoo zoo-new audited accuracy environments sweep conformance conformance-new operators kernels real techniques nightly soak screenshots docs site fuzz hostile protections release clean

help: ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

convert: $(host) ## Convert MODEL (INPUT="NAME=1x3x224x224 ...", OUT=DIR, ENGINE=docker|venv, ARGS="--seed 1").
	.venv/bin/pinlite convert $(MODEL) $(foreach input,$(INPUT),--input $(input)) \
		$(if $(OUT),--out $(OUT)) --engine $(ENGINE) $(ARGS)

test: lint ## Run every test that this machine can run (ARGS="-k words" for some).
	.venv/bin/pytest $(ARGS)

lint: $(dev) ## Check style, types and the direction of imports.
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --check --quiet .
	.venv/bin/mypy --no-error-summary
	.venv/bin/lint-imports --no-logo --no-cache > .venv/imports.log || { cat .venv/imports.log; exit 1; }

test-lowest: $(host) requirements-dev.lock ## Run the unit tests with the oldest packages that pyproject.toml allows.
	.venv/bin/uv venv --quiet --clear --no-project --python .venv/bin/python .venv/lowest
	.venv/bin/uv pip install --quiet --python .venv/lowest/bin/python --resolution lowest-direct --editable ".[cluster,verify]"
	.venv/bin/uv pip install --quiet --python .venv/lowest/bin/python \
		$$(sed -nE 's/^((check-jsonschema|grimp|hypothesis|mypy|pre-commit|pytest|pyyaml|securesystemslib)==[^ ;]+).*/\1/p' requirements-dev.lock)
	.venv/lowest/bin/python -m pytest --quiet -p no:cacheprovider tests/unit

test-pythons: $(dev) ## Run the unit tests on other Pythons that pyproject.toml names (PYTHONS="3.12 3.13").
	for version in $(or $(PYTHONS),3.12 3.13); do \
		python=$$(for each in python$$version $${PYENV_ROOT:-$$HOME/.pyenv}/versions/$$version.*/bin/python$$version; do \
			$$each -c '' 2>/dev/null && echo $$each && break; done); \
		.venv/bin/uv venv --quiet --clear --no-project --python "$${python:-$$version}" .venv/python-$$version && \
		.venv/bin/uv pip install --quiet --python .venv/python-$$version/bin/python --require-hashes --requirements requirements-dev.lock && \
		.venv/bin/uv pip install --quiet --python .venv/python-$$version/bin/python --no-deps --no-build-isolation --editable . && \
		.venv/python-$$version/bin/python -m pytest --quiet -p no:cacheprovider tests/unit || exit; done

bench: $(host) ## Time the conversion of the example, images present and nothing cached (ENGINE, RUNS, ARGS="--toolchain tests/bench/two_runtimes.toml").
	.venv/bin/python tests/bench/convert.py --engine $(ENGINE) --runs $(or $(RUNS),5) $(ARGS)

bench-adapt: $(host) ## Time what adapting ONNX files of 10 MB to 1 GB adds to running them in onnxruntime (RUNS).
	.venv/bin/python tests/bench/adapt.py --runs $(or $(RUNS),5)

bench-cached: $(host) ## Time a conversion that was made before, in a small and in a large store (ENGINE, RUNS).
	.venv/bin/python tests/bench/cached.py --engine $(ENGINE) --runs $(or $(RUNS),30) $(ARGS)

bench-shared: $(dev) ## Time a conversion that another machine made, and one that is pushed, beside one alone (ENGINE, RUNS).
	PYTHONPATH=tests .venv/bin/python tests/bench/shared.py --engine $(ENGINE) --runs $(or $(RUNS),5) $(ARGS)

bench-archives: $(host) ## Compare conversions whose files go as archives with the same by mounts, on one docker engine (RUNS).
	.venv/bin/python tests/bench/archives.py --runs $(or $(RUNS),7)

bench-variants: $(host) ## Compare variants of the examples made in one run with each made alone (ENGINE).
	.venv/bin/python tests/bench/variants.py --engine $(ENGINE)

bench-peers: $(host) $(peers) .venv/zoo-new.ready ## Race pinlite, its peers and their files (ONLY, KIND=float32|int8, TARGET, PEER, ROUNDS, RESUME=1), build/peers.
	PYTHONPATH=tests:tests/zoo .venv/bin/python -m bench.peers --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(KIND),--kind $(KIND)) $(if $(TARGET),--target $(TARGET)) $(if $(PEER),--peer $(PEER)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RESUME),--resume)

op-costs: $(host) ## Time single operators and spellings of one result in LiteRT and TensorFlow 2.4.1 (ONLY=pattern of cases), build/op-costs.
	PYTHONPATH=tests .venv/bin/python -m bench.op_costs $(if $(ONLY),--only "$(ONLY)")

bench-scale: $(host) ## Time conversions of 10 MB to 1.9 GB, and of 100 to 5,000 nodes (ENGINE, ARGS=--quick), build/scale.
	.venv/bin/python tests/bench/scale.py --engine $(ENGINE) $(ARGS)

bench-batch: $(host) .venv/onnx2tf.ready ## Time pinlite batch: 20 models beside onnx2tf, 1,000 graphs, 2,000 of the store (ENGINE, PART=twenty|drawn|kept, ROUNDS, QUICK=1), build/batch.
	PYTHONPATH=tests:tests/zoo .venv/bin/python -m bench.batch --engine $(if $(filter auto,$(ENGINE)),venv,$(ENGINE)) \
		$(if $(PART),--part $(PART)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick)

bench-cluster: $(dev) ## Time 20 models on one worker of Dask and on two, a core and a network namespace each, as root (ROUNDS, ONLY, QUICK=1), build/cluster.
	PYTHONPATH=tests:tests/executors:tests/zoo .venv/bin/python -m bench.cluster $(if $(ROUNDS),--rounds $(ROUNDS)) \
		$(if $(ONLY),--only "$(ONLY)") $(if $(QUICK),--quick)

bench-environment: $(host) ## Time --python in an environment with torch and timm, beside its parts done by hand (ENV=DIR, ENGINE, RUNS).
	.venv/bin/python tests/bench/own_environment.py "$(ENV)" --engine $(ENGINE) --runs $(or $(RUNS),5)

bench-tune: $(host) ## Time a search by pinlite tune beside one conversion for each of its trials (ENGINE).
	.venv/bin/python tests/bench/tune.py --engine $(ENGINE)

digits: $(host) ## What techniques and variants cost the digits network: a table of its accuracy (ENGINE).
	.venv/bin/python tests/bench/digits.py --engine $(ENGINE)

zoo: $(host) ## Convert the zoo's models (ONLY=name,glob or QUICK=1 for some, TWICE=1, JOBS); JSON in build/zoo.
	.venv/bin/python tests/zoo/run.py --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)") $(if $(QUICK),--quick) \
		$(if $(TWICE),--twice) $(if $(JOBS),--jobs $(JOBS))

zoo-new: $(host) $(if $(QUICK),,.venv/zoo-new.ready) $(if $(PEERS),.venv/onnx2tf.ready) ## Convert models of today (WAY=onnx|current|python for one way, PEERS=1 beside it, ONLY, QUICK=1, TWICE=1, JOBS).
	PYTHONPATH=tests:tests/zoo .venv/bin/python -m zoo_new.run --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(QUICK),--quick) $(if $(WAY),--way $(WAY)) $(if $(PEERS),--peers) $(if $(TWICE),--twice) \
		$(if $(JOBS),--jobs $(JOBS))

devices: $(host) ## Convert models for microcontrollers and Ethos-U, then for Arm: TFLite Micro beside LiteRT, arena, NPU; arm64 beside x86-64 (DEVICE=arm64 for that alone, ONLY, QUICK=1, ENGINE).
	PYTHONPATH=tests/zoo .venv/bin/python tests/devices/run.py --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(QUICK),--quick) $(if $(DEVICE),--device $(DEVICE))

audited: $(host) .venv/zoo-new.ready .venv/onnx2tf.ready ## Audit ten models' files by pinlite and its peers (ONLY, ENGINE).
	PYTHONPATH=tests:tests/zoo .venv/bin/python -m audited.run --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)")

accuracy: $(host) $(accuracy) .venv/onnx2tf.ready ## What int8-only costs trained models, by pinlite's methods and by its peers (ONLY, ENGINE).
	PYTHONPATH=tests:tests/pages:tests/zoo .venv/bin/python -m accuracy.run --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)")

sweep: $(host) ## Convert hundreds of small models and judge every file by PyTorch (ONLY=glob or QUICK=1 for some, JOBS).
	PYTHONPATH=tests:tests/zoo .venv/bin/python tests/sweep/run.py --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)") \
		$(if $(QUICK),--quick) $(if $(JOBS),--jobs $(JOBS))

conformance: $(host) ## Translate and run ONNX's own operator tests (ONLY=glob or QUICK=1 for some).
	PYTHONPATH=tests .venv/bin/python tests/conformance/run.py $(if $(ONLY),--only "$(ONLY)") $(if $(QUICK),--quick)

conformance-new: $(host) ## The same with the tests of today's ONNX and PyTorch's of 2017, which are adapted first (ONLY, QUICK).
	PYTHONPATH=tests .venv/bin/python tests/conformance/run.py --suite conformance-new \
		$(if $(ONLY),--only "$(ONLY)") $(if $(QUICK),--quick)

kernels: $(host) ## Hold single operators of integers, in many forms, in each runtime to real numbers (ONLY), build/kernels.
	.venv/bin/python tests/kernels/kernels.py $(if $(ONLY),--only "$(ONLY)")

real: $(host) ## Convert the .onnx files that packages of PyPI ship (ONLY=pattern for some paths, ENGINE); JSON in build/real.
	PYTHONPATH=tests/zoo .venv/bin/python tests/real/run.py --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)")

operators: $(host) ## Convert PyTorch's operators, each alone (ONLY=glob for some, ENGINE).
	PYTHONPATH=tests .venv/bin/python tests/operators/run.py --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)")

environments: $(host) ## Convert models by --python in an environment of each torch that is claimed (ONLY=torch's version, ENVIRONMENTS=DIR of them, ENGINE).
	.venv/bin/python tests/environments/run.py --engine $(ENGINE) $(if $(ONLY),--torch "$(ONLY)") \
		$(if $(ENVIRONMENTS),--environments "$(ENVIRONMENTS)")

techniques: $(host) ## Convert five models with every technique to every variant (ONLY=name for one, ENGINE).
	.venv/bin/python tests/techniques/run.py --engine $(ENGINE) $(if $(ONLY),--only "$(ONLY)")

nightly: $(dev) ## What takes too long for CI: marked tests, other Pythons, all of conformance, sweep, techniques and zoos, and the fuzzer.
	.venv/bin/pytest -m nightly
	$(MAKE) --silent test-pythons
	$(MAKE) --silent conformance
	$(MAKE) --silent conformance-new
	$(MAKE) --silent real
	$(MAKE) --silent sweep JOBS=2
	$(MAKE) --silent techniques
	$(MAKE) --silent zoo TWICE=1 JOBS=2
	$(MAKE) --silent zoo-new TWICE=1 JOBS=2
	$(MAKE) --silent devices
	$(MAKE) --silent audited
	$(MAKE) --silent accuracy
	$(MAKE) --silent fuzz
	$(MAKE) --silent site

fuzz: $(dev) ## Fuzz what reads a stranger's bytes on the host for longer than `make test` does (EXAMPLES=5000 for each test).
	FUZZ_EXAMPLES=$(or $(EXAMPLES),5000) .venv/bin/pytest tests/fuzz

hostile: $(dev) ## Attack the docker engine; WITHOUT=network takes that protection away, and tests have to fail.
	WITHOUT=$(WITHOUT) .venv/bin/pytest tests/hostile $(ARGS)

protections: $(dev) ## Take each protection of the docker engine away in turn, and print a test that fails without it.
	.venv/bin/python tests/hostile/without.py

soak: $(host) ## Convert a small model RUNS times in a row and four at a time on docker (200); JSON in build/soak.
	.venv/bin/python tests/bench/soak.py --runs $(or $(RUNS),200)

screenshots: $(dev) ## Take the pictures of the page in the docs anew, in Debian's chromium.
	.venv/bin/pytest --quiet tests/browser
	cp build/screenshots/*.png docs/images

docs: $(dev) ## Write what code and measurements say: errors.md, cli.md, JSON Schemas, the picture of rooms, tables.
	PYTHONPATH=tests:tests/operators:tests/techniques:tests/zoo .venv/bin/python tests/pages/pages.py

# Without --quiet, by which mkdocs lets a broken link pass.
site: .venv/site.ready ## Make a site of docs/, build/site; a link that leads nowhere is an error.
	NO_MKDOCS_2_WARNING=1 .venv/site/bin/mkdocs build

lock: $(host) ## Write every lock anew from what it is made of.
	for name in $$(ls images/toolchains); do .venv/bin/pinlite toolchain lock "$${name%.toml}" || exit; done
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group build pyproject.toml --output-file requirements.lock
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--constraint requirements.lock --extra cluster --extra verify --group build --group dev pyproject.toml --output-file requirements-dev.lock
	for overlay in numpy/3.8 onnx/3.8 dynamo-2.6/3.10 dynamo/3.10; do \
		.venv/bin/uv pip compile --quiet --universal --python-version $${overlay#*/} --generate-hashes --no-header --no-annotate \
			--only-binary :all: images/pins/overlay-$${overlay%/*}/requirements.in \
			--output-file images/pins/overlay-$${overlay%/*}/requirements.lock || exit; done
	for name in bench/onnx2tf bench/litert accuracy/litert-quantizer accuracy/tensorflow accuracy/data; do \
		.venv/bin/uv pip compile --quiet --universal --python-version 3.12 --generate-hashes --no-header --no-annotate \
			$$(test $$name != accuracy/data || echo --no-deps) tests/$$name.in --output-file tests/$$name.lock || exit; done
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		tests/zoo_new/environment.in --output-file tests/zoo_new/environment.lock
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		docs/site/requirements.in --output-file docs/site/requirements.lock

release: $(dev) ## Make release VERSION (1.2.0): version, changelog, a wheel and an sdist built twice to the same bytes, twine check.
	.venv/bin/python .ci/release.py "$(VERSION)"

base: $(host) ## Build the base images from Debian's packages, where no registry can be reached (ARCH=arm64 for another processor's, BASE=python-3.11-chromium for the one with a browser).
	.venv/bin/pinlite images base $(if $(ARCH),python-3.11-$(ARCH),$(BASE))

engine: ## Install Docker from Debian's packages and start it, where none runs.
	bash images/engine.sh start

engine-stop: ## Stop the Docker that `make engine` started.
	bash images/engine.sh stop

registry: ## Install a registry from Debian's packages and start it on 127.0.0.1 (PORT=5000), with build/registry.
	bash images/registry.sh start "$(CURDIR)/build/registry" $(or $(PORT),5000)

registry-stop: ## Stop the registry that `make registry` started.
	bash images/registry.sh stop "$(CURDIR)/build/registry"

clean: ## Remove what the targets above made here (images and caches stay: pinlite images rm).
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache

$(host): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer; name one with make PYTHON=..." >&2; exit 2; }
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(dev): requirements-dev.lock $(host)
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	touch $@

vpath %.lock tests/bench tests/accuracy
$(peers) $(accuracy): .venv/%.ready: %.lock $(host)
	.venv/bin/uv venv --quiet --clear --no-project --python "$(or $(PYTHON312),3.12)" .venv/$* || \
		{ echo "error: no Python 3.12 for $*; name one with make PYTHON312=..." >&2; exit 2; }
	.venv/bin/uv pip install --quiet --python .venv/$*/bin/python --compile-bytecode --no-deps --require-hashes --requirements $<
	touch $@

# PyTorch of today, on Linux with the libraries of CUDA.
.venv/zoo-new.ready: tests/zoo_new/environment.lock $(host)
	$(PYTHON) -m venv --clear .venv/zoo-new
	.venv/zoo-new/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@

.venv/site.ready: docs/site/requirements.lock $(host)
	$(PYTHON) -m venv --clear .venv/site
	.venv/site/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $<
	touch $@
