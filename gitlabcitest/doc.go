// Package gitlabcitest is a GitLab in memory, for tests of programs that use
// [gitlabci]. It is to them what net/http/httptest is to users of net/http.
//
//	srv := gitlabcitest.NewServer()
//	srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
//	report(t.Context(), srv.Client()) // the code under test
//
// A [Server] answers as GitLab 19.5 does: with the same keys, headers, rules
// and refusals. Or it is an older release that [WithVersion] names: without the
// endpoints, fields and statuses that came later, and deaf to their parameters.
// Its [Server.Client] speaks real HTTP to it without a socket, so that
// everything works inside a [testing/synctest] bubble, where an hour passes at
// once. [Server.Start] listens on a real address, for programs in other
// processes.
//
// What a test needs to exist, it adds: [Server.AddPipeline],
// [Pipeline.AddJob] with log and artifacts, and so on, where zero fields have
// sensible values. What should go wrong, it orders: [Server.Fault] replaces
// answers and breaks connections, with the request carried out or not. What
// came, and whether it was carried out, it reads: [Server.Requests]. A mistake
// in any of these panics with a sentence that names it, since it is one of the
// test's author.
//
// # What it knows
//
// The endpoints of pipelines: lists, one, latest, create, retry, cancel,
// rename, delete, their jobs, trigger jobs, variables and test reports, and
// the list of one's own pipelines. Those of jobs: the list of a project's, one,
// its log, cancel, retry, erase, play, and what the token of a job tells about
// the job. Those of artifacts: archives and reports by job, archives by ref,
// single files, the tree, keep and delete. And what clients ask before they
// reach CI: the version, the user, projects, branches, tags, commits and merge
// requests with their pipelines, see [Server.AddMergeRequest]. A response to
// anything else says "unknown to the fake" in the header X-Gitlabcitest;
// [Server.Handle] adds such an endpoint.
//
// There is no configuration that it could read: the inputs of a pipeline are
// those that the project's [Settings] declare, or else any, and those of a job
// are what its [Job] says. Their values are not kept.
//
// # Time
//
// A [Job] has the status it was given until a request changes it, and its
// pipeline follows it from then on. One with a [Script] runs by the clock: when
// the turn of its stage has come and its terms are met, see [When], it waits
// for a runner, writes its log, leaves artifacts and ends. Further attempts can
// go otherwise. One with a [Trigger] starts a pipeline, in its own project or
// in another. [Server.OnCreate] gives such jobs to the pipelines that clients
// create. Nothing runs in the background: what is due happens when somebody
// looks.
//
// A test can be the runner itself: [Server.SetJobStatus], [Server.FailJob] and
// [Server.AppendLog]. [Server.Pipeline] is a handle on a pipeline that a client
// made.
//
// # Access
//
// The user "maya" owns every project and has the token that clients get.
// Others are added with their roles and tokens: [Server.AddUser],
// [Server.AddMember], [Server.AddToken]. What a role may do, and which of
// GitLab's refusals it meets, follows GitLab's table, the [Settings] of the
// project and protected refs. Each running job has a token of its own, good
// for what its user may do: [Server.JobToken]. Without a token only public
// projects are visible.
//
// # Files
//
// Artifacts come from the server's disk or, with [WithStorage], from a storage
// on another origin behind signed addresses that expire. Those past their time
// are gone at once, but for those of the newest successful pipeline of a ref.
// Test reports are read from the JUnit files that jobs uploaded. The Archive of
// a [Job] is taken byte by byte, broken or hostile. [WithStrongETags] and
// [WithLogRanges] turn on what GitLab has behind flags.
//
// # Limits
//
// [WithThrottle] and [WithActionLimits] turn on GitLab's rate limits; by
// default there are none. 10,000 pipelines with 100,000 jobs take less than
// 100 MiB.
package gitlabcitest
