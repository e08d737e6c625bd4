// Package interop tests the fake GitLab of package gitlabcitest with clients that
// others wrote, which would not work if the fake differed from GitLab. The tests here
// use GitLab's own Go client. The script pythongitlab/run uses python-gitlab; go test
// does not need it.
package interop
