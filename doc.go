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
// Reads, and writes that may be repeated, are tried again after a failure;
// what starts work never is, once it may have reached GitLab: its error then
// matches [ErrOutcomeUnknown]. A 429 is waited for. The token goes to the
// client's own server and nowhere else, whatever redirects say. A response that
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
// What moves while the loop runs does not come twice; the comment of each All
// says what cannot be missed either. Prefetch in [ListOptions] asks for pages
// ahead of the reader. A page that fails gives a [*PageError], which holds the
// [Cursor] to go on from; it can be kept as text.
//
// # Files
//
// Logs and artifacts are streams, and no more of one than a buffer is held in
// memory. Where one breaks off, falls silent or ends short, the rest is asked
// for, if it is certain to be of the same file:
//
//	src := gitlabci.LatestArtifacts{Ref: "main", Job: "build"}
//	err := client.Artifacts.Save(ctx, "group/app", src, "artifacts.zip", nil) // whole, or not at all
//
// FollowLog copies a job's log while it grows, asking only for what is new, and
// returns the job when it has finished. Package joblog reads logs for people:
// lines without escape codes, sections with durations, what looks like the
// failure.
//
// An [Archive] is a job's archive as a file system that stays on the server:
// only what is read travels. Extract unpacks one, or some of its files, and
// never outside of the directory that it is given.
//
// # Workflows
//
// Run starts a pipeline, waits for it, and tells why it failed. Watch ranges over
// the changes of a pipeline and its jobs, and of those downstream if asked; Wait
// returns it when it has finished. That it failed is no error: ask its Status.
// One that only a person can set going again is [ErrBlocked].
//
// Find gets the newest pipeline of a branch, tag, commit or merge request, and
// waits for it if asked. Tree reads a pipeline with all that it started, in
// whichever project. CancelEach, DeleteEach and RetryEach do one thing to many
// pipelines, with a dry run.
//
// # Answers
//
// In what GitLab answers, the zero value means that it said nothing: a job that
// still runs has a zero FinishedAt. A pointer is used only where null and zero
// differ. Sets of words, such as [Status], are open: ask its methods rather
// than compare, and give every switch a default.
//
// # Errors
//
// An answer other than success is an [*APIError] and matches one of the
// sentinels by [errors.Is]. No error text holds a token, a query or a signed
// address.
package gitlabci
