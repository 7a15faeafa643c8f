# Targets are explained by `make help`, from the text behind "##".
.DEFAULT_GOAL := help
GO ?= go
# One set of flags everywhere: each change of them rebuilds the PostgreSQL
# parser, minutes of C.
GOFLAGS_TEST ?= -race
TIMEOUT ?= 30m
FUZZTIME ?= 1m
TOOLS := $(GO) tool -modfile=tools/go.mod

.PHONY: help
help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/slipway
	$(GO) build -o bin/slipway ./cmd/slipway

.PHONY: demo
demo: ## run the demo: server, stand-in GitLab, a pipeline from token to migrated databases
	$(GO) run ./cmd/slipway demo

.PHONY: deps
deps: ## install what the tests need and this machine lacks (Debian, as root): PostgreSQL, Chromium, curl, jq
	@./.ci/deps

.PHONY: test
test: deps ## run every test, with the race detector, against real databases of its own
	cd difftest && $(GO) test $(GOFLAGS_TEST) -timeout $(TIMEOUT) ./...
	$(GO) test $(GOFLAGS_TEST) -timeout $(TIMEOUT) ./...

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME each
	@FUZZTIME=$(FUZZTIME) ./.ci/fuzz

.PHONY: screenshots
screenshots: ## keep pictures of every page, light and dark, wide and narrow, in bin/screenshots, and the guide's in docs/images
	rm -rf bin/screenshots
	SLIPWAY_SHOTS=$(CURDIR)/bin/screenshots SLIPWAY_PICTURES=$(CURDIR)/docs/images \
		$(GO) test $(GOFLAGS_TEST) -count=1 -timeout 30m -run 'TestEveryPageLooksRight|TestGuideInPictures|TestGuideEndsInARollout' ./internal/console

.PHONY: lint
lint: ## vet, format and lint
	@./.ci/lint

.PHONY: generate
generate: ## regenerate all generated code
	@./.ci/generate

.PHONY: bench
bench: deps ## measure, beside peers in the same run, and write docs/performance.md
	$(GO) test -count 1 -v -timeout 30m -run '^TestMeasure$$' ./e2e/bench -measure -write $(CURDIR)/docs/performance.md
	$(GO) test -p 1 -run '^$$' -bench . -benchtime 0.3s ./internal/...

.PHONY: faults
faults: deps ## kill and break what can be broken while databases change, and count what is lost or doubled
	$(GO) test -c -o bin/faults ./e2e/faults
	cd e2e/faults && ../../bin/faults -long -test.timeout 60m

# Without the race detector, whose memory is not the program's.
DURATION ?= 30m
.PHONY: soak
soak: deps ## load two servers for DURATION (30m), see that nothing grows, draw docs/images/soak.svg
	DURATION=$(DURATION) PLOT=$(CURDIR)/docs/images/soak.svg $(GO) test ./e2e/soak -run '^TestSoak$$' -count=1 -v -timeout 24h
