# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help
.PHONY: help build test unit check cover demo chaos bench bench-quick bench-core bench-lease sim mutants fuzz needs current clean

SERVICE ?= haproxy
SEED ?= 1
WORLDS ?= 100000
DURATION ?= 30m
ONLY ?=
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZTIME ?= 60s

# The race detector needs a C compiler.
RACE := $(if $(shell command -v gcc),-race)
GOTEST := go test -count=1 $(RACE)
# These measure no time that a neighbour could spoil.
PATIENT := . ./api ./bench/... ./cmd/... ./config ./daemon ./host ./netif/backoff ./netif/filter \
	./netif/macvlan ./netif/route ./netif/sockets ./vrrp ./vrrp/mutants
# One goroutine, or clients and backends that keep both cores busy: the race detector makes
# them ten times slower.
BUSY := ./vrrp/vrrpsim ./integration/drain

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/vipd, static
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/vipd ./cmd/vipd

test: needs current check cover ## all tests, in network namespaces, with real HAProxy, nginx, keepalived, FRR (root)
	go test -count=1 -p 1 $(BUSY)
	$(GOTEST) $(PATIENT)
	@# One package at a time: the tests of timing share two cores with nobody.
	$(GOTEST) -p 1 $$(go list ./... | grep -vxF "$$(go list $(PATIENT) $(BUSY))")

unit: ## the tests that need no root
	$(GOTEST) -p 1 . ./vrrp/... ./config ./daemon ./api ./cmd/...

check: ## formatting, go vet, staticcheck
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$unformatted" ]; then echo "gofmt would change: $$unformatted"; exit 1; fi
	go vet ./...
	go tool staticcheck ./...

cover: ## every statement of the core is covered
	@go test -cover ./vrrp | tee /dev/stderr | grep -q 'coverage: 100.0% of statements'

demo: needs build ## watch an address move between two load balancers (root; SERVICE=nginx for nginx)
	@mkdir -p bin && go build -o bin/demo ./integration/demo
	@bin/demo -vipd bin/vipd -service $(SERVICE)

chaos: needs build ## let things go wrong at random for DURATION=30m, by SEED=1 (root; Ctrl-C: the report so far)
	@mkdir -p bin && go build -o bin/chaos ./integration/chaos
	@bin/chaos -vipd bin/vipd -seed $(SEED) -duration $(DURATION)

bench: needs build ## vipd and keepalived side by side: outages, scale, steadiness (root; ONLY=regexp)
	@go build -o bin/bench ./bench
	@bin/bench -vipd bin/vipd -only '$(ONLY)' $(QUICK)

bench-quick: QUICK := -quick
bench-quick: bench ## the same in three minutes: what matters most, few repetitions

bench-core: ## time and allocations of the protocol core
	go test -run '^$$' -bench . -benchmem ./vrrp

bench-lease: build ## what the leases' renewal costs, and whether it is ever late (root, ten minutes)
	@go build -o bin/bench-lease ./bench/lease
	@bin/bench-lease -vipd bin/vipd

sim: ## the simulator for a long time, WORLDS=100000 from SEED=1 on
	go test ./vrrp/vrrpsim -run TestRandom -v -timeout 0 -worlds=$(WORLDS) -seed=$(SEED)

mutants: ## break each rule of the core, one after another: the tests must notice
	go run ./vrrp/mutants

fuzz: ## fuzz the parsers, the core and the simulated LAN, FUZZTIME=60s each
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./vrrp
	go test -run '^$$' -fuzz FuzzSteps -fuzztime $(FUZZTIME) ./vrrp
	go test -run '^$$' -fuzz FuzzHostWatch -fuzztime $(FUZZTIME) ./vrrp
	go test -run '^$$' -fuzz FuzzFaults -fuzztime $(FUZZTIME) ./vrrp/vrrpsim
	go test -run '^$$' -fuzz FuzzParse -fuzztime $(FUZZTIME) ./config

needs: # what the tests, the demo and the benchmarks run: HAProxy, nginx, and other VRRP daemons
	@integration/needs haproxy nginx keepalived psmisc=/usr/bin/killall frr=/usr/lib/frr/vrrpd nftables=/usr/sbin/nft ethtool=/usr/sbin/ethtool

current: # the HAProxy of a later Debian, beside that of this host
	@integration/current bin/current

clean: ## remove what was built
	rm -rf bin
