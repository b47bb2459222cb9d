VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LINT_VERSION := v2.15.0
LINT := $(or $(shell command -v golangci-lint),$(CURDIR)/.cache/bin/golangci-lint)
RACE := $(if $(shell command -v gcc || command -v clang),-race,)
CLIENTS := $(wildcard server/interop/js/package-lock.json embedui/web/package-lock.json)
UI := $(if $(shell command -v npm),embedui/dist/index.html.br)

.PHONY: help run build test web lint race bench

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/'

run: build ## build and start on http://localhost:8008, data in ./data
	./beffroi serve

build: $(UI) ## the binary, ./beffroi; where there is Node, with the web client in it
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o beffroi .

test: lint web build ## the quick stage: format, vet, lint, every test (with the race detector where there is a C compiler)
	go test $(RACE) ./...
	$(if $(UI),npm run --silent --prefix embedui/web e2e)

race: web ## every test with the race detector
	CGO_ENABLED=1 go test -race ./...

lint: $(LINT) ## format, vet, lint
	@! gofmt -l $$(git ls-files '*.go' 2>/dev/null || echo *.go server) | grep .
	go vet -tags goolm ./... && $(LINT) run

web: $(CLIENTS:package-lock.json=node_modules/.package-lock.json) ## what Node needs for the tests

bench: ## the tables of ARCHITECTURE.md, "Measured", in two to three minutes; then Go benchmarks
	cd server/bench && go test -count=1 -measure
	go test -run '^$$' -bench . -benchmem ./server/...

embedui/dist/index.html.br: embedui/web/node_modules/.package-lock.json $(wildcard $(addprefix embedui/web/,*.* public/* scripts/*)) $(shell find embedui/web/src -type f)
	npm run --silent --prefix embedui/web build

%/node_modules/.package-lock.json: %/package-lock.json
	npm ci --prefix $* --no-audit --no-fund

$(CURDIR)/.cache/bin/golangci-lint:
	GOBIN=$(dir $@) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
