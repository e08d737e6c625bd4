// Package gitlabci is a client for GitLab CI: pipelines, jobs, logs, artifacts
// and test reports, on GitLab.com or any other instance.
//
//	client, err := gitlabci.NewClient(gitlabci.WithToken(token))
//	if err != nil {
//		return err
//	}
//	pipeline, err := client.Pipelines.Create(ctx, "group/app", "main", nil)
//
// A [Client] has a service for each kind of thing; its methods are GitLab's
// endpoints, and their comments say which. A project is its path or, by [ProjectNumber],
// its number. Options come last and may be nil.
//
// # What it takes care of
//
// Reads and idempotent writes are retried after a failure. A request that starts work
// is never retried once it may have reached GitLab: its error then matches
// [ErrOutcomeUnknown]. After a 429, the client waits and retries. The token goes to the
// client's own server only, even if a redirect leads elsewhere. A response that
// stops arriving, or arrives too slowly, ends with [ErrStalled]; there is no other
// time limit than the context's.
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
// Items are not yielded twice if the list changes while the loop runs; the comment of
// each All says which items cannot be missed either. Pages are requested ahead of a loop
// that would wait for them; Prefetch in [ListOptions] says how many. If a page fails,
// the error is a [*PageError]. Its [Cursor] continues the list, and can be stored as
// text.
//
// # Files
//
// Logs and artifacts are streams, of which only a buffer is held in memory. An
// interrupted, stalled or truncated download resumes with the missing bytes, if these
// are certain to be of the same file:
//
//	src := gitlabci.LatestArtifacts{Ref: "main", Job: "build"}
//	err := client.Artifacts.Save(ctx, "group/app", src, "artifacts.zip", nil) // the complete file or none
//
// FollowLog copies a job's log while it grows, requesting only new bytes, and
// returns the job when it has finished. Package joblog reads logs for people:
// lines without escape codes, sections with durations, what looks like the
// failure.
//
// An [Archive] is a job's archive as a file system that stays on the server: only
// the files that are read are downloaded. Extract unpacks an archive, or some of its
// files, and never writes outside of the given directory.
//
// # Workflows
//
// Run starts a pipeline, waits for it, and says why it failed. Watch ranges over
// the changes of a pipeline and its jobs, and optionally of downstream pipelines. Wait
// returns a pipeline when it has finished. A failed pipeline is not an error: check its
// Status. A pipeline that waits for a manual action is [ErrBlocked]. With a [Waker] they
// poll when GitLab's webhooks say that something has changed. WatchAll ranges over the
// changes of all pipelines of a project, and continues after a restart.
//
// Find gets the newest pipeline of a branch, tag, commit or merge request, and
// can wait for it. Tree reads a pipeline with all downstream pipelines, in
// whichever project. CancelEach, DeleteEach and RetryEach change many pipelines, with a
// dry run.
//
// Package webhook receives events of pipelines, jobs and deployments, and its Hub lets
// Watch, Wait and Run poll when an event says that something has changed.
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
// A response other than success is an [*APIError] and matches one of the
// sentinels by [errors.Is]. No error text contains a token, a query or a signed
// URL.
package gitlabci
