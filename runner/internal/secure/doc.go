// Package secure holds the tests of the built runner against guarded clusters:
// real Connect workers behind HTTPS, client certificates, basic authentication,
// tokens and headers, and a real Kafka with SCRAM and client certificates. They
// move connectors there, and make sure that a wrong login or certificate is told
// early and clearly, and that nothing tells a secret.
package secure
