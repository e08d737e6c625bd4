// Package promises holds the tests of what README.md and SECURITY.md promise where
// several parts of the client must keep it together, one file a promise.
//
// It has no code but tests, and nothing imports it. A test of a single part stands
// beside that part.
package promises
