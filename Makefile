VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
# SQLite's C as Go: its memory lies outside of Go's heap, where the race detector sees nothing, and looking costs it a factor of five.
NORACE := -gcflags=modernc.org/sqlite/lib=-race=false
LINT_VERSION := v2.15.0
LINT := $(or $(shell command -v golangci-lint),$(CURDIR)/.cache/bin/golangci-lint)
RACE := $(if $(shell command -v gcc || command -v clang),-race $(NORACE),)
ARCH ?= $(shell dpkg --print-architecture 2>/dev/null || echo amd64)
OUT := beffroi
CLIENTS := $(wildcard server/interop/js/package-lock.json server/interop/bots/package-lock.json embedui/web/package-lock.json)
UI := embedui/web
# The Python environment of make interop: kept between runs, one for each list of versions.
SYNAPSE_NEEDS := server/interop/federation/requirements.txt
SYNAPSE := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/beffroi/synapse-$(shell cksum < $(SYNAPSE_NEEDS) | cut -d' ' -f1)
PAGE := $(if $(shell command -v npm),embedui/dist/index.html.br)

# Packages with random cases: all of them are tried, so without the race detector, which "make race" has for them.
RANDOM := ./server/pdu/... ./server/relations ./server/push ./server/rooms ./server/scrub ./server/store ./server/bench ./backup

.PHONY: help run build test web lint race browser interop bench budget deb deb-test

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: build ## build and start on http://localhost:8008, data in ./data; the first time, address and token of the setup
	./beffroi serve

build: $(PAGE) ## the binary, ./beffroi, with the web client where Node is there
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o $(OUT) .

test: lint web build ## the quick stage: format, vet, lint, every test (but those with random cases with the race detector, where there is a C compiler), the client's, the story in a browser
	go test -short $(RACE) $$({ go list $(RANDOM); go list ./...; } | sort | uniq -u)
	go test $(RANDOM)
	$(if $(PAGE),npm test --prefix $(UI) && npm run --silent --prefix $(UI) e2e)

race: ## every random case with the race detector; the two clients' tests have none, and are in "make test"
	CGO_ENABLED=1 go test -race $(NORACE) -timeout 30m $$(go list ./... | grep -v /server/interop)

browser: build ## the web client in a browser, chapter by chapter, against the binary: what "make test" is too short for
	npm run --silent --prefix $(UI) deep

interop: $(SYNAPSE)/installed ## federation with a real Synapse (from PyPI), and between Beffroi in network namespaces that are cut (as root, with iproute2)
	INTEROP_SYNAPSE=$(SYNAPSE) go test -tags interop,goolm -count=1 -timeout 30m -p 1 -v -run "Beffroi|Synapse|Servers|Federated" ./server/interop/federation ./server/interop

lint: $(LINT) ## format, vet, lint
	@! gofmt -l $$(git ls-files '*.go' 2>/dev/null || echo *.go server) | grep .
	go vet -tags goolm,interop ./... && $(LINT) run --allow-parallel-runners

web: $(CLIENTS:package-lock.json=node_modules/.package-lock.json) ## what Node needs for the tests

bench: ## the tables of ARCHITECTURE.md, "Measured", in two to three minutes; then Go benchmarks
	cd server/bench && go test -count=1 -measure
	go test -run '^$$' -bench . -benchmem ./server/...

budget: ## what the web client weighs, how long people wait for it and what memory it takes, each beside its limit; fails where a size is missed
	npm run --silent build --prefix $(UI)
	$(MAKE) --no-print-directory build
	npm run --silent budget --prefix $(UI)

deb: ## a Debian package in ./dist, for this processor or ARCH=amd64, arm64 or armhf
	GOOS=linux GOARCH=$(ARCH:armhf=arm) GOARM=7 $(MAKE) build OUT=dist/$(ARCH)/beffroi
	packaging/build.sh $(ARCH)

deb-test: deb ## as root on Debian: installs the package in a clean Debian, starts it there, upgrades, purges
	packaging/test/run.sh

embedui/dist/index.html.br: $(UI)/node_modules/.package-lock.json $(shell find $(UI)/src $(UI)/public $(UI)/scripts $(UI)/*.* -type f 2>/dev/null)
	npm run build --prefix $(UI)

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund

$(SYNAPSE)/installed:
	rm -rf $(SYNAPSE)
	python3 -m venv $(SYNAPSE)
	$(SYNAPSE)/bin/pip install --quiet --only-binary :all: -r $(SYNAPSE_NEEDS) || { echo "make interop needs Synapse, which pip could not install from PyPI: see above" >&2; exit 1; }
	touch $@

$(CURDIR)/.cache/bin/golangci-lint:
	GOBIN=$(dir $@) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
