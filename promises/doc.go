// Package promises holds the tests of what README.md and SECURITY.md promise where
// several parts of the client keep it together. The names of its files begin with the promise.
//
// It has no code but tests, and nothing imports it. A test of a single package is beside it.
// Those of the root are in services, and those that measure memory in memory, both below.
package promises
