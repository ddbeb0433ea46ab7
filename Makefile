# SPDX-License-Identifier: Apache-2.0
#
# "make help" lists the targets. Nothing here needs more than Go, git and make:
# what else a target uses, it installs first (scripts/setup).

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

# Go may be where its own installer puts it, without a word in the search path.
export PATH := $(PATH):/usr/local/go/bin
# Without a stamp from git, it does not matter who owns the checkout.
export GOFLAGS += -buildvcs=false
GO ?= go
VDEV := bin/vdev

# The machines on which the guest tests run, as flags of vdev joined by commas.
GUEST_MACHINES := --harts=1 --harts=4 --harts=2,--cache=eager --harts=4,--cache=random,--seed=7
# How long each fuzz target runs.
FUZZTIME ?= 10s
# Flags for "make boot" and "make bench".
BOOTFLAGS ?=
BENCHFLAGS ?=

# Tests fail where they would otherwise skip because a tool is missing.
TEST := VDEV_REQUIRE_TOOLS=1 $(GO) test

##@ To use vdev

boot: image-quiet ## Boot the guest image, and sit at its prompt (BOOTFLAGS="--harts 4")
	@exec $(VDEV) boot $(BOOTFLAGS)

build: $(VDEV) ## Build bin/vdev

image: image-quiet ## Build the guest image: kernel and initramfs
	@$(VDEV) image path

##@ To work on vdev

# The recipes are shared with "test", which runs them one after the other.
define test-host
	$(TEST) -timeout 30m $$($(GO) list ./... | grep -v '^vdev/internal/integration')
endef

# The go command does not see that these tests depend on the vdev that they build.
define test-integration
	$(TEST) -count=1 -timeout 30m ./internal/integration
endef

define test-race
	CGO_ENABLED=1 $(TEST) -race -short -timeout 30m ./...
endef

# The go command cannot know that another vdev may give another result: -count=1.
define test-guest
	for flags in $(GUEST_MACHINES); do \
		GOOS=linux GOARCH=riscv64 $(TEST) -count=1 -timeout 20m -exec "$(CURDIR)/$(VDEV) exec $${flags//,/ }" ./guest/tests/...; \
	done
endef

# The guest comes last: it needs everything else to be right.
test: check setup-test image-quiet ## Check and test everything, on the host and in the guest
	$(test-host)
	$(test-race)
	$(test-integration)
	$(test-guest)

check: setup-test ## Static checks: vet, staticcheck, and the rules of the repository
	$(GO) vet ./...
	GOOS=linux GOARCH=riscv64 $(GO) vet ./guest/...
	$(GO) tool staticcheck ./...
	GOOS=linux GOARCH=riscv64 "$$($(GO) tool -n staticcheck)" ./guest/...
	$(GO) test ./internal/repocheck

test-host: setup-test image-quiet ## Tests on the host
	$(test-host)

test-race: setup-test image-quiet ## Tests on the host with the race detector, the slow ones left out
	$(test-race)

test-integration: setup-test image-quiet ## Tests of the vdev command with the guest image
	$(test-integration)

test-guest: image-quiet ## Tests in the guest, on several machines
	$(test-guest)

bench: setup-test image-quiet ## Boot and programs next to QEMU, with the ratios; "make microbench" for the parts
	@$(GO) run ./internal/bench -vdev $(VDEV)

microbench: setup-test ## The benchmarks of the Go packages
	$(TEST) -run '^$$' -bench . -timeout 60m ./...

# "go test -fuzz" takes one package and one target at a time.
fuzz: build ## Run every fuzz target for a short time (FUZZTIME=10s)
	$(GO) list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.Dir}} {{.ImportPath}}{{end}}' ./... | while read -r dir pkg; do \
		for target in $$(grep -ohE '^func Fuzz[A-Za-z0-9_]+' "$$dir"/*_test.go | cut -d' ' -f2 || true); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$pkg" </dev/null; \
		done; \
	done

setup: setup-test ## Install what building and testing need

clean: ## Remove what was built here; the image's cache stays
	rm -rf bin

help: ## This text
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# The go command knows what has changed. Without cgo no C compiler is needed.
$(VDEV): FORCE
	@command -v $(GO) >/dev/null || { echo "vdev: Go is not installed: see https://go.dev/doc/install" >&2; exit 1; }
	@CGO_ENABLED=0 $(GO) build -o $@ ./cmd/vdev

image-quiet: setup-image
	@$(VDEV) image build >/dev/null

setup-image: $(VDEV)
	@scripts/setup

setup-test: $(VDEV)
	@scripts/setup --test

FORCE:

.PHONY: boot build image test check test-host test-race test-integration test-guest bench microbench fuzz setup clean help \
	image-quiet setup-image setup-test FORCE
