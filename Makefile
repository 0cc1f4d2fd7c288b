# The two commands are `make demo` and `make test`. See CONTRIBUTING.md for the rest.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION  ?= 0.1.0
KESTRA   ?= 2.0.0
GOTESTSUM := go run gotest.tools/gotestsum@v1.13.0
GOLANGCI  := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.5.0
LDFLAGS  := -s -w
# Maven must run on a JDK that can compile for Kestra 2.0; it says so if there is none.
MAVEN     = JAVA_HOME="$$(.ci/jdk)" mvn -q -B --no-transfer-progress

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: ## One cluster becomes three through Kestra, under traffic, counted (KESTRA=1.3.31 for the other engine)
	go run ./examples/demo --kestra $(KESTRA)

test: plugin ## Everything, unit to end to end: Go, Java, real Kafka, Connect, Kestra and Docker
	go vet ./...
	$(MAVEN) -f plugin/pom.xml test
	$(GOTESTSUM) --format testname --hide-summary=output --raw-command -- .ci/gotest

flows: ## Every flow, example and dashboard without a server: both engines parse them, tasks are in the jar, all is described, no secret
	go test -count=1 ./runner/internal/kestratest -run '^(TestFlowsParse|TestOtherFlowsParse|TestFlowsOfTheOtherVersionAreRefused|TestFlowsAreDescribed|TestVariantsAgree|TestTasksAreInTheJar|TestPlantedFaults|TestDashboardIsDescribed|TestMetricsAreDeclared)$$'
	go test -count=1 ./docs -run '^(TestForm|TestEverythingIsDescribed|TestCompose|TestComposeClusters|TestComposeCount|TestHelm|TestScripts)$$'

# Only all rows with one worker, as without HAZARDS, are the matrix that docs/hazards.md shows.
hazards: ## The hazard matrix on real clusters, into docs/hazards.md (HAZARDS="-workers 2", "-schedules 20 -seed 1"; half an hour)
	go test -c -o build/hazards.test ./runner/internal/hazard
	cd runner/internal/hazard && $(CURDIR)/build/hazards.test -test.timeout 2h -all -table $(CURDIR)/build/hazards.txt $(or $(HAZARDS),-markdown $(CURDIR)/docs/hazards.md)
	go test -count=1 -v -run Killed ./runner/internal/kestratest -args -all
	go test -count=1 -run Killed ./runner/internal/move -args -all

bench: ## Downtime and wall time of ferry, its flows, bare REST and the article (BENCH="-docs -counts 1,10,40,100 -runs 3 -others 260 -cost")
	go run ./runner/bench $(BENCH)

test-short: ## What needs no Java and no network, under a minute
	go test -short ./...

build: ## The runner for this machine, build/ferry
	CGO_ENABLED=0 go build -trimpath -ldflags "$(LDFLAGS)" -o build/ferry ./runner

runner: build/runner/linux-amd64/ferry build/runner/linux-arm64/ferry ## The runner for the plugin and the image

build/runner/linux-%/ferry: FORCE
	CGO_ENABLED=0 GOOS=linux GOARCH=$* go build -trimpath -ldflags "$(LDFLAGS)" -o $@ ./runner

plugin: runner ## The Kestra plugin, plugin/target/plugins/*.jar
	$(MAVEN) -f plugin/pom.xml -DskipTests package

image: runner build/ca-certificates.crt ## The image; BASE=... for another base
	docker build $(if $(BASE),--build-arg BASE=$(BASE)) -t connectferry/ferry:$(VERSION) .

build/ca-certificates.crt:
	mkdir -p build
	cp $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem)) $@

dist: ## What a release publishes, build/dist: runner, plugin, image, SBOMs (BASE=... for another base of the image)
	VERSION=$(VERSION) BASE=$(BASE) .ci/dist

dist-check: ## The last commit built in two clones gives the same bytes, and the image runs
	VERSION=$(VERSION) BASE=$(BASE) .ci/dist-check

lint: ## gofmt, vet, and the linters of .golangci.yml
	! gofmt -l runner schemas examples | grep .
	$(GOLANGCI) run

vuln: ## Known vulnerabilities in what is compiled in
	.ci/vuln

golden: ## Rewrite the expected outputs of tests
	go test -run "^(TestDocument|TestForm|TestGolden|TestReadme)$$" ./runner/internal/hazard ./runner/internal/report ./runner/internal/handover ./docs -update

FUZZTIME ?= 20s
fuzz: ## Each fuzz target for 20 s (FUZZTIME=60s for longer)
	for folder in $$(grep -rlE '^func Fuzz' --include=*_test.go runner schemas | xargs -n1 dirname | sort -u); do \
	  for name in $$(grep -hoE '^func Fuzz[A-Za-z0-9]*' $$folder/*_test.go | cut -c6-); do \
	    go test -run '^$$' -fuzz "^$$name$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x ./$$folder; done; done

clean: ## Remove what was built
	rm -rf build plugin/target plugin/engine/target

FORCE:
.PHONY: help demo test flows bench hazards test-short build runner plugin image dist dist-check lint vuln golden fuzz clean FORCE
