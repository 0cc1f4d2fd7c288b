# The runner as an image: for Kestra's container runners, for plain script tasks, and by itself.
# Build it with `make image`, which puts the runner and the CA certificates under build/.
#
# BASE gives the shell that script tasks need; anything with /bin/sh will do. Where no image can be
# pulled, make one of Debian's busybox-static: .ci/busybox-base, then `make image BASE=ferry-base:busybox`.
ARG BASE=alpine:3.22
FROM ${BASE}

# Set by BuildKit; the classic builder takes the default.
ARG TARGETARCH=amd64

COPY build/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY build/runner/linux-${TARGETARCH}/ferry /ferry

# By name on the PATH too, for script tasks. Scratch space for those, which Kestra mounts over.
RUN mkdir -p /usr/local/bin /tmp /work \
 && ln -s /ferry /usr/local/bin/ferry \
 # Whatever the umask was that they were made with.
 && chmod 0644 /etc/ssl/certs/ca-certificates.crt \
 && chmod 1777 /tmp \
 && chown 65532:65532 /work

ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /work

LABEL org.opencontainers.image.title="connect-ferry" \
      org.opencontainers.image.description="Moves Kafka Connect connectors between Connect clusters" \
      org.opencontainers.image.licenses="Apache-2.0"

# No entry point, so that a shell runs scripts: `docker run IMAGE ferry move ...`, `docker run IMAGE sh -c '...'`.
CMD ["ferry", "--help"]
