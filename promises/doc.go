// Package promises holds the tests of what README.md and SECURITY.md promise where
// several parts of the client keep it together. The names of its files begin with the promise.
//
// It has no code but tests, and nothing imports it. A test of a single package is beside it,
// and those of the root are in services, below.
package promises
