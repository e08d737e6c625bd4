// Package gitlabcitest is a GitLab in memory, for tests of programs that use
// [gitlabci]. It is to them what net/http/httptest is to users of net/http.
//
//	func TestReport(t *testing.T) {
//		srv := gitlabcitest.NewServer()
//		pipeline := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Status: gitlabci.StatusFailed})
//		pipeline.AddJob(gitlabcitest.Job{Name: "test", Status: gitlabci.StatusFailed, Log: "exit code 1\n"})
//
//		err := report(t.Context(), srv.Client()) // the code under test
//		if err != nil {
//			t.Fatal(err)
//		}
//	}
//
// A [Server] responds as GitLab 19.5 does: with the same keys, headers, rules and
// error messages. [WithVersion] makes it an older release, which lacks the endpoints,
// fields and statuses of later releases and ignores their parameters. [Server.Client]
// makes real HTTP requests to it without a socket, so that everything works inside a
// [testing/synctest] bubble, where an hour takes no time. [Server.Start] listens on a port,
// for programs in other processes.
//
// A test adds the objects it needs: [Server.AddPipeline], [Pipeline.AddJob] with log and
// artifacts, and so on; zero fields have sensible values. It adds failures with
// [Server.Fault], which replaces responses and breaks connections, with the request
// executed or not. [Server.Requests] lists the requests, and whether each was executed.
// Wrong use of any of these is a mistake in the test: it panics with a message that
// names the mistake.
//
// # Endpoints
//
// The server has these endpoints. A test adds the objects by the methods in parentheses:
//
//   - pipelines ([Server.AddPipeline]): lists, one, the latest, create, retry, cancel, rename,
//     delete, their jobs, trigger jobs, variables and test reports, and one's own pipelines;
//   - jobs ([Pipeline.AddJob], [Pipeline.AddTriggerJob]): the list of a project, one, its log,
//     cancel, retry, erase, play, and the job of a job token;
//   - artifacts (fields of [Job]): archives and reports by job, archives by ref, single files,
//     the tree, keep and delete;
//   - commit statuses of other systems ([Pipeline.AddStatus]);
//   - trigger tokens ([Server.AddTriggerToken]), and pipelines by them or by a job token;
//   - pipeline schedules ([Server.AddSchedule]), which start pipelines by the clock;
//   - webhooks of projects ([Server.AddHook]), with test requests and recent deliveries;
//   - CI/CD variables of projects, groups and the instance ([Server.AddVariable],
//     [Server.AddGroupMember]);
//   - validations of configurations ([Server.OnLint]);
//   - environments and deployments ([Server.AddEnvironment], [Server.AddDeployment]);
//   - merge requests with their pipelines ([Server.AddMergeRequest]);
//   - projects, also of a group ([Server.AddProject]), branches and tags ([Server.AddRef]),
//     commits ([Server.AddCommit]), the user, the version.
//
// The response to any other request has "unknown to the fake" in the header X-Gitlabcitest.
// [Server.Handle] adds an endpoint.
//
// The server reads no CI configuration. A pipeline takes the inputs that the project's
// [Settings] declare, or any if they declare none. A job takes those that its [Job]
// declares. The values of inputs are not kept.
//
// # Time
//
// In a bubble of testing/synctest, the hour of this job takes no time:
//
//	func TestWait(t *testing.T) {
//		synctest.Test(t, func(t *testing.T) {
//			srv := gitlabcitest.NewServer()
//			srv.OnCreate("group/app", gitlabcitest.Pipeline{}, gitlabcitest.Job{
//				Script: gitlabcitest.Script{Runs: time.Hour, Result: gitlabci.StatusFailed},
//			})
//			result, err := srv.Client().Pipelines.Run(t.Context(), "group/app", "main", nil)
//			if err != nil || result.Pipeline.Status != gitlabci.StatusFailed {
//				t.Error(result, err)
//			}
//		})
//	}
//
// A [Job] keeps the status it was given until a request changes it; from then on, its
// pipeline's status follows from its jobs. A job with a [Script] runs as time passes:
// when its stage begins and its conditions are met, see [When], it waits for a runner,
// writes its log, uploads artifacts and ends. Its next attempts can have other results. A
// job with a [Trigger] starts a pipeline, in its own project or in another.
// [Server.OnCreate] gives such jobs to the pipelines that clients create. There are no
// goroutines in the background: each request first does what is due at its time. Only a
// server with webhooks has a timer, so that it delivers what happens when it happens.
//
// A test can be the runner itself: [Server.SetJobStatus], [Server.FailJob] and
// [Server.AppendLog]. [Server.Pipeline] is a handle on a pipeline that a client
// created.
//
// # Webhooks
//
// [Server.AddHook] adds a webhook, with a URL or with a handler in memory, and clients can
// add them by the API. Events of pipelines, jobs and deployments (see the Environment of a
// [Job]) are delivered with GitLab's headers, signatures and payloads. Deliveries that
// fail disable a hook, as on GitLab.com. A [Fault] with [HookRoute] loses, repeats or delays
// them. [Server.Wait] waits until all is delivered.
//
// # Access
//
// The user "maya" owns every project, and [Server.Client] has her token.
// [Server.AddUser], [Server.AddMember] and [Server.AddToken] add other users with their
// roles and tokens. What a role may do, and which error GitLab returns otherwise, follows
// GitLab's table of permissions, the [Settings] of the project and protected refs. Each
// running job has a token of its own with the rights of its user: [Server.JobToken].
// Without a token, only public projects are visible.
//
// # Files
//
// Artifacts are sent by the server itself or, with [WithStorage], by an object storage on
// another origin, through signed URLs that expire. Expired artifacts are deleted
// immediately, except those of the newest successful pipeline of a ref. Test reports are
// read from the JUnit files that jobs uploaded. The Archive of a [Job] is sent byte for
// byte, even if it is damaged or hostile. [WithStrongETags] and [WithLogRanges] enable
// features that GitLab has behind flags.
//
// # Limits
//
// [WithThrottle] and [WithActionLimits] enable GitLab's rate limits; by
// default there are none. 10,000 pipelines with 100,000 jobs take less than
// 100 MiB.
package gitlabcitest
