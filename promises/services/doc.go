// Package services holds the tests of the root package, of one service or workflow a file.
// What all services have in common is tested in package promises.
package services
