// Package gitlabci is a client for GitLab CI: pipelines, jobs, logs, artifacts
// and test reports, on GitLab.com or any other instance.
//
// This program starts a pipeline and waits for it. It prints why the pipeline failed, or
// saves what it built:
//
//	client, err := gitlabci.NewClientFromEnv() // GITLAB_TOKEN and GITLAB_URL
//	if err != nil {
//		return err
//	}
//	result, err := client.Pipelines.Run(ctx, "group/app", "main", nil)
//	if err != nil {
//		return err
//	}
//	for _, failure := range result.Failed {
//		fmt.Println(failure.Job.Name, failure.Reason, failure.Lines)
//	}
//	if result.Pipeline.Status != gitlabci.StatusSuccess {
//		return fmt.Errorf("pipeline %d: %s", result.Pipeline.ID, result.Pipeline.Status)
//	}
//	build, err := client.Jobs.FindByName(ctx, "group/app", result.Pipeline.ID, "build")
//	if err != nil {
//		return err
//	}
//	return client.Artifacts.Save(ctx, "group/app", build.ID, "build.zip", nil)
//
// # Clients
//
// A [Client] has a service for each kind of object, such as Pipelines, Jobs and Artifacts.
// The methods of a service are GitLab's endpoints, and their comments say which. Arguments
// go from outer to inner: a project, then a pipeline or a job. A project is its path
// or, by [ProjectNumber], its number. Options come last and may be nil.
//
// [NewClientFromEnv] reads the token and the server from environment variables, also in a
// CI job. [NewClient] takes them as options: [WithToken] for a personal, project or group
// access token, [WithJobToken] or [WithOAuthToken], and [WithBaseURL] for another server
// than https://gitlab.com. A token with the scope read_api can only read; to start, retry or
// delete, it needs the scope api. A client may be used by many goroutines.
//
// A response that stops arriving, or arrives too slowly, ends with [ErrStalled]. A call as a
// whole is limited by its context only. If it waits for a pipeline, set a deadline.
//
// # What it takes care of
//
// Reads and idempotent writes are retried after a failure. A request that starts work
// is never retried once it may have reached GitLab: its error then matches
// [ErrOutcomeUnknown]. After a 429, the client waits and retries. The token goes to the
// client's own server only, even if a redirect leads elsewhere.
//
// # Pipelines that run
//
// [PipelinesService.Run] starts a pipeline, waits for it, and says why it failed.
// [PipelinesService.Wait] waits for a pipeline that exists, and [PipelinesService.Failures]
// says why an existing one failed. A failed pipeline is not an error: check its Status. A
// pipeline that waits for a manual action is [ErrBlocked].
//
//	pipeline, err := client.Pipelines.Wait(ctx, "group/app", 42, nil)
//	if err != nil {
//		return err
//	}
//	fmt.Println(pipeline.Status)
//
// [PipelinesService.Watch] ranges over the changes of a pipeline and its jobs, and
// optionally of downstream pipelines. [PipelinesService.WatchAll] ranges over the changes of
// all pipelines of a project, and continues after a restart. [PipelinesService.Find] gets
// the newest pipeline of a branch, tag, commit or merge request, and can wait for it.
// [PipelinesService.Tree] reads a pipeline with all downstream pipelines, in whichever
// project. CancelEach, DeleteEach and RetryEach change many pipelines, with a dry run.
//
// # Lists
//
// List returns one page; All ranges over everything:
//
//	for pipeline, err := range client.Pipelines.All(ctx, "group/app", nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(pipeline.ID, pipeline.Status)
//	}
//
// An error ends the loop. If the list changes while the loop runs, no item is yielded
// twice. The comment of each All says which items are never missed. Pages are requested
// ahead of a loop that would wait for them; Prefetch in [ListOptions] says how many. If a
// page fails, the error is a [*PageError]. Its [Cursor] continues the list, and can be
// stored as text.
//
// # Logs and artifacts
//
// Logs and artifacts are streams, of which only a buffer is held in memory. An
// interrupted, stalled or truncated download resumes with the missing bytes, if these
// are certain to be of the same file. An artifact is that of a job, or the newest one of
// a branch:
//
//	src := gitlabci.LatestArtifacts{Ref: "main", Job: "build"}
//	err := client.Artifacts.Save(ctx, "group/app", src, "artifacts.zip", nil) // the complete file or none
//
// An [Archive] is a job's archive as a file system that stays on the server: only
// the files that are read are downloaded. Extract unpacks an archive, or some of its
// files, and never writes outside of the given directory.
//
// [JobsService.FollowLog] copies a job's log while it grows, requesting only new bytes,
// and returns the job when it has finished. Package joblog reads logs for people: lines
// without escape codes, sections with durations, what looks like the failure.
//
// # Webhooks
//
// Package webhook receives events of pipelines, jobs and deployments. It verifies each
// request, and handles each event once. Its Hub is a [Waker]: with it, Run, Wait and Watch
// poll when an event says that something has changed, and otherwise every 5 minutes:
//
//	hub := webhook.NewHub()
//	verifier, err := webhook.NewVerifier(webhook.SigningToken(token))
//	if err != nil {
//		return err
//	}
//	http.Handle("POST /gitlab", webhook.NewHandler(verifier, hub.Handle, nil))
//
//	pipeline, err := client.Pipelines.Wait(ctx, "group/app", 42, &gitlabci.WatchOptions{Wake: hub})
//
// # Responses
//
// In responses, the zero value means that GitLab sent nothing: a job that
// still runs has a zero FinishedAt. A pointer is used only where null and zero
// differ. Sets of words, such as [Status], are open: prefer their methods to
// comparisons, and give every switch a default.
//
// # Errors
//
// A response other than success is an [*APIError] and matches one of the sentinels, such as
// [ErrNotFound]:
//
//	job, err := client.Jobs.Get(ctx, "group/app", 4711)
//	switch {
//	case errors.Is(err, gitlabci.ErrNotFound):
//		return nil // deleted, or the token may not see it
//	case err != nil:
//		return err // such as "gitlabci: GET /projects/group%2Fapp/jobs/4711: 403 Forbidden"
//	}
//
// No error text contains a token, a query or a signed URL.
//
// # Tests
//
// Package gitlabcitest is a fake GitLab server in memory: its Client method returns a
// *Client for the code under test. Inside of testing/synctest, an hour of a pipeline takes
// no time.
package gitlabci
