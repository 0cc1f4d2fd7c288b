// Package kestratest runs flows on a real Kestra engine: the JVM harness in
// plugin/engine, with the plugin's jar loaded as a server loads it. It is for
// tests and the demo.
//
// [Start] starts an [Engine], [Engine.Run] runs one flow and returns its
// [Execution] with the logs and sub-executions. It needs a JDK 25 and Maven;
// [Build] and [BuildPlugin] make what they run, once.
//
// Not offered: the web server, so no REST, no form, no pickers in a form (their
// expressions are evaluated all the same when an execution begins).
package kestratest
