// Package promises holds the tests of what README.md and SECURITY.md promise where
// several parts of the client keep it together. The names of its files begin with the promise.
//
// It has no code but tests, and nothing imports it. A test of a single package is beside it.
// The folder services has the tests of the root, and the folder memory those that measure
// memory.
package promises
