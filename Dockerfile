# The runner for containers: /ferry, also on the PATH, CA certificates and a shell for plain script tasks.
#
#   docker build -t connectferry/ferry:0.1.0 .
#
# Where no image can be pulled, any base with a shell does, with the runner built outside:
#
#   make runner
#   docker build --build-arg BUILDER=BASE --build-arg BASE=BASE --build-arg PREBUILT=build/runner/linux-amd64/ferry .
ARG BUILDER=golang:1.26-alpine
ARG BASE=alpine:3.22

FROM ${BUILDER} AS builder
# Path within the build context of a runner that is built already.
ARG PREBUILT=
ARG VERSION=dev
WORKDIR /src
COPY . .
RUN set -e; \
    mkdir -p /out/etc/ssl/certs /out/usr/bin; \
    if [ -n "$PREBUILT" ]; then \
        cp "$PREBUILT" /out/ferry; \
    else \
        CGO_ENABLED=0 go build -trimpath \
            -ldflags "-s -w -X github.com/connect-ferry/connect-ferry/runner/internal/cli.Version=$VERSION" -o /out/ferry ./runner; \
    fi; \
    chmod 0755 /out/ferry; \
    ln -s /ferry /out/usr/bin/ferry; \
    # Of the build context if they are there, for builders that have none.
    if [ -f build/ca-certificates.crt ]; then \
        cp build/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt; \
    else \
        cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt; \
    fi; \
    chmod 0644 /out/etc/ssl/certs/ca-certificates.crt; \
    # The working directory of who runs it by hand.
    mkdir -p /out/work; \
    chown 65532:65532 /out/work

FROM ${BASE}
COPY --from=builder /out/ /
# By number, for clusters that insist on runAsNonRoot. Kestra's plugin hands its files to this user.
USER 65532:65532
WORKDIR /work
# No entry point: a shell runs scripts, and `docker run IMAGE ferry move …` reads as on a terminal.
CMD ["ferry", "--help"]
