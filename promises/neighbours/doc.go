// Package neighbours holds the tests of the services beside pipelines, jobs and
// artifacts, one file a service. What all services have in common is tested in package
// promises.
package neighbours
