// Package gitlabcitest is a GitLab in memory, for tests of programs that use
// [gitlabci]. It is to them what net/http/httptest is to users of net/http.
//
//	srv := gitlabcitest.NewServer()
//	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
//	report(t.Context(), srv.Client()) // the code under test
//
// A [Server] answers as GitLab 19.5 does: with the same keys, headers, rules
// and refusals. Its [Server.Client] speaks real HTTP to it without a socket, so
// that everything works inside a [testing/synctest] bubble, where an hour
// passes at once. [Server.Start] listens on a real address, for programs in
// other processes.
//
// What a test needs to exist, it adds: [Server.AddPipeline],
// [Pipeline.AddJob] with log and artifacts, and so on, where zero fields have
// sensible values. What should go wrong, it orders: [Server.Fault]. What came,
// it reads: [Server.Requests]. A mistake in any of these panics with a sentence
// that names it, since it is one of the test's author.
//
// # What it knows
//
// The endpoints of pipelines: lists, one, latest, create, retry, cancel,
// rename, delete, their jobs, trigger jobs, variables and test reports, and
// the list of one's own pipelines. Those of jobs: the list of a project's, one,
// its log, cancel, retry, erase, play, and what the token of a job tells about
// the job. Those of artifacts: archives and reports by job, archives by ref,
// single files, the tree, keep and delete.
//
// Jobs have the status they were given until a request changes it, and so do
// pipelines, which follow their jobs from then on. Nothing runs: a job that was
// played or retried stays pending. Its log, archive and reports are what the
// test gave it: [Job]. Artifacts come from the server itself, never from a
// storage behind a redirect; those past their time are gone at once.
//
// There is one user with a token, who owns every project, and each running job
// has a token of its own: [Server.JobToken]. Without one nothing is visible.
// Inputs of pipelines and jobs are taken whatever their names, and forgotten.
package gitlabcitest
