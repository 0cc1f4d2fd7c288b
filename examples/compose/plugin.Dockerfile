# Builds the plugin's jar where there is no Go, Maven or JDK:
#
#     docker build -f examples/compose/plugin.Dockerfile --output plugin/target/plugins .
FROM golang:1.26 AS runner
WORKDIR /src
COPY go.mod go.sum Makefile ./
RUN go mod download
COPY schemas schemas
COPY runner runner
RUN make runner

FROM maven:3-eclipse-temurin-25 AS plugin
WORKDIR /src
COPY plugin plugin
COPY --from=runner /src/build/runner build/runner
RUN mvn -q -B --no-transfer-progress -f plugin/pom.xml -DskipTests package

FROM scratch
COPY --from=plugin /src/plugin/target/plugins/ /
