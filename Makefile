# Every gate of the project is a target here; the workflows and .ci/run call these and nothing else.
# A target is documented by the `## ` comment on its own line: `make help` prints them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

GO      ?= go
GOTOOL  := $(GO) tool -modfile=tools/go.mod
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
# One set of build flags everywhere: another one would compile every dependency again.
LDFLAGS := -X main.version=$(VERSION) -X main.commit=$(COMMIT)

MODULE := github.com/honeydue/honeydue
# The packages whose tests run under the race detector: those that share state between goroutines.
RACE := $(MODULE)/internal/link $(MODULE)/internal/cache $(MODULE)/internal/bench
# What others rely on: the HTTP API, the command line, the manifests and the pipeline.
CONTRACT := ./internal/api/... ./cmd/... ./internal/cli/... ./deploy-k3s/...
# The timeout ends a test that hangs; it is far above what a package takes on a busy machine.
TESTFLAGS ?= -p 2 -timeout 20m
# Where rapid's property tests start, so that each run of the gate tries the same values; make test-random tries others.
export RAPID_SEED ?= 1

.PHONY: help
help: ## Show this list
	@printf 'usage: make <target>\n\n'
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: setup
setup: ## Install the servers and tools that are missing (apt or brew), or say what to install
	@scripts/setup.sh

.PHONY: ensure
ensure:
	@scripts/setup.sh --ensure

.PHONY: build
build: ## Build bin/honeydue
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/honeydue ./cmd/honeydue

.PHONY: test
test: ensure ## Run every test: unit, contract, CLI scripts; the shared-state packages under -race
	@scripts/slowest.sh $(MAKE) --no-print-directory test-packages

.PHONY: test-packages
test-packages:
	$(GO) test $(TESTFLAGS) $(filter-out $(RACE),$(shell $(GO) list ./...))
	@# Without -race and alone: what it compares with a closed form to 2% is a server that takes no time of its own.
	$(GO) test $(TESTFLAGS) -run '^TestOneSecondOfStallIsSeen$$' $(MODULE)/internal/bench
	@# One at a time: another package under -race takes a core.
	$(GO) test $(TESTFLAGS) -p 1 -race $(filter $(RACE),$(shell $(GO) list ./...))

.PHONY: test-race-long
test-race-long: ensure ## Race 200,000 reads against writers, crashes and faults on two server processes
	HONEYDUE_RACE_LONG=1 $(GO) test -count 1 -timeout 30m -run '^TestRace' -v ./internal/api

.PHONY: test-faults
test-faults: ensure ## Inject every fault of the catalog into the lab: fault, first finding, seconds; 20 healthy runs
	HONEYDUE_FAULTS=1 $(GO) test -count 1 -timeout 45m -run '^(TestFaultCatalogue|TestCatalogueIsWhole|TestFourReasonsToBeLate|TestHealthyRuns)$$' -v ./internal/probe

.PHONY: test-versions
test-versions: ensure ## Run the faults and healthy probes on other server versions; print which finding came first
	scripts/versions.sh run $(STACKS)

.PHONY: test-contract
test-contract: ensure ## Run the contract tests: HTTP API, command line, manifests, pipeline
	$(GO) test $(TESTFLAGS) $(CONTRACT)

# Those of packages that have other, longer tests as well.
RANDOM := ^Test(GateBoundsNeverBothHold|MannWhitneyCounts.*|PackedIsAHistogram|PoissonIsPure|RatioInterval|ScheduleProperties|SearchBracketsAnyCapacity|StoredRunSurvivesDamage|TheDeckDealsExactly|TimelineAddsUpToThePhase|MaskedPlansHoldNoValue|Deliveries|ScheduleKeepsOrderAndDelay)$$

.PHONY: test-random
test-random: ## Run the property tests on new random inputs, 5,000 each
	RAPID_SEED=0 RAPID_CHECKS=5000 $(GO) test -count 1 -p 2 -timeout 30m ./internal/config ./internal/household ./internal/report
	RAPID_SEED=0 RAPID_CHECKS=5000 $(GO) test -count 1 -p 2 -timeout 30m -run '$(RANDOM)' ./internal/link ./internal/bench/... ./internal/probe/...

.PHONY: lint
lint: test-lint ## Check the code, go.mod, the imports between packages, the shell scripts and the wording of texts
	$(GO) mod tidy -diff
	$(GO) test ./docs
	$(GOTOOL) golangci-lint run ./...
	shellcheck -x .ci/run $(shell git ls-files '*.sh')

.PHONY: test-lint
test-lint: ensure ## Prove that the linter refuses every forbidden import between packages
	scripts/check-imports.sh $(GOTOOL) golangci-lint

.PHONY: fmt
fmt: ## Format the Go code
	$(GOTOOL) golangci-lint fmt ./...

.PHONY: secrets
secrets: ## Search the tree and the history for secrets, after proving that the search finds one
	scripts/secrets.sh $(GOTOOL) gitleaks

# These have rounds of their own, so they run once and alone.
ONCE := ^Benchmark(WarmBoard|Targets|Evening|Emptied|Generators|Memory)$$

.PHONY: bench
bench: bench-board bench-targets ## Run all benchmarks, in about six minutes (docs/benchmarks.md)
	$(GO) test -run '^$$' -bench '^BenchmarkMemory$$' -benchtime 1x ./internal/bench
	$(GO) test -run '^$$' -bench . -skip '$(ONCE)' -benchmem -benchtime 300x -p 1 ./internal/...

.PHONY: bench-board
bench-board: ensure ## Measure the warm board against a trivial handler of the same binary
	$(GO) test -run '^$$' -v -bench '^BenchmarkWarmBoard$$' -benchtime 1x -timeout 8m ./internal/api/benchmark

.PHONY: bench-targets
bench-targets: ensure ## Measure latencies and turns of serve over 110 ms, and compare them with the targets; REAL_TCP=1: on the kernel's TCP (root)
	$(GO) test -run '^$$' -v -bench '$(if $(REAL_TCP),^BenchmarkRealTCP$$,^BenchmarkTargets$$)' -benchtime 1x -timeout 8m ./cmd/honeydue

.PHONY: bench-evening
bench-evening: ensure ## Measure list reads over 110 ms while two people per household write; OLD=FILE compares another build
	HONEYDUE_EVENING_OLD='$(abspath $(OLD))' $(GO) test -run '^$$' -v -bench '^BenchmarkEvening$$' -benchtime 1x -timeout 8m ./cmd/honeydue

.PHONY: bench-emptied
bench-emptied: ensure ## Measure over 110 ms how soon lists are warm again after Redis has lost them
	$(GO) test -run '^$$' -v -bench '^BenchmarkEmptied$$' -benchtime 1x -timeout 8m ./cmd/honeydue

.PHONY: bench-loadtest
bench-loadtest: ensure ## Measure the CPU per request of loadtest, vegeta, k6 and wrk, and the highest rate that each sustains
	HONEYDUE_BENCH_K6=1 $(GO) test -run '^$$' -v -bench '^BenchmarkGenerators$$' -benchtime 1x -timeout 20m ./cmd/honeydue

.PHONY: bench-probe
bench-probe: ensure build ## Measure a healthy probe over 110 ms; OLD=FILE compares another build
	scripts/bench-probe.sh $(OLD)

.PHONY: verify
verify: ensure build ## Serve over a 110 ms link on real servers, warm up, probe, load-test; print the verdicts
	scripts/verify.sh

.PHONY: clean
clean: ## Remove build output
	rm -rf bin dist
