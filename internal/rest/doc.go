// Package rest makes one call to the server: it builds the request, passes it through
// the rate limits, sends it, judges the response, retries, waits, and turns what is no
// success into an error.
//
// It is handed a configuration, and functions that make the public errors and hooks.
// It knows HTTP and how GitLab uses it, but none of GitLab's objects. It never retries
// a request that may have been executed unless repeating it changes nothing, and never
// sends a credential to another origin.
package rest
