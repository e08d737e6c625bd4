package gitlabci

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"example.com/gitlabci/internal/pool"
	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/joblog"
)

// A FailureReason is why a job failed; it is "" for a job with another status.
// The set is open: a word not listed here passes through unchanged. GitLab often adds
// new ones, and old jobs keep the word that was used at the time.
//
// See https://docs.gitlab.com/api/jobs/.
type FailureReason string

const (
	// GitLab does not know the reason.
	FailureReasonUnknownFailure FailureReason = "unknown_failure"
	// A command of the job failed. On older servers and runners, also: an image
	// could not be pulled.
	FailureReasonScriptFailure FailureReason = "script_failure"
	// The runner and GitLab could not communicate.
	FailureReasonAPIFailure FailureReason = "api_failure"
	// Legacy: no runner took the job, or its runner stopped sending updates. Newer
	// servers have the stuck_pending and no_updates reasons instead.
	FailureReasonStuckOrTimeoutFailure FailureReason = "stuck_or_timeout_failure"
	// The runner itself failed, such as while it prepared the job.
	FailureReasonRunnerSystemFailure FailureReason = "runner_system_failure"
	// The artifacts of an earlier job, which this one needs, are gone.
	FailureReasonMissingDependencyFailure FailureReason = "missing_dependency_failure"
	// The runner lacks a feature that the job needs.
	FailureReasonRunnerUnsupported FailureReason = "runner_unsupported"
	// A delayed job was not started at its scheduled time.
	FailureReasonStaleSchedule FailureReason = "stale_schedule"
	// The job exceeded its timeout. If GitLab, and not the runner, ended the job, newer
	// servers have one of the server_timeout reasons instead.
	FailureReasonJobExecutionTimeout FailureReason = "job_execution_timeout"
	// The job is archived: it is too old to run.
	FailureReasonArchivedFailure FailureReason = "archived_failure"
	// A step that GitLab takes before the job failed.
	FailureReasonUnmetPrerequisites FailureReason = "unmet_prerequisites"
	// GitLab could not assign the job to a runner.
	FailureReasonSchedulerFailure FailureReason = "scheduler_failure"
	// The job's data in GitLab are inconsistent; an administrator finds more in
	// GitLab's logs.
	FailureReasonDataIntegrityFailure FailureReason = "data_integrity_failure"
	// Deprecated by GitLab: there was a newer deployment. Newer servers have
	// failed_outdated_deployment_job instead.
	FailureReasonForwardDeploymentFailure FailureReason = "forward_deployment_failure"
	// The user that the job ran for is blocked.
	FailureReasonUserBlocked FailureReason = "user_blocked"
	// Its project was deleted.
	FailureReasonProjectDeleted FailureReason = "project_deleted"
	// The compute minutes are used up.
	FailureReasonCIQuotaExceeded FailureReason = "ci_quota_exceeded"
	// Its downstream pipeline would start the same pipeline again, in a loop.
	FailureReasonPipelineLoopDetected FailureReason = "pipeline_loop_detected"
	// No runner may take the job.
	FailureReasonNoMatchingRunner FailureReason = "no_matching_runner"
	// Its log exceeded the server's size limit.
	FailureReasonTraceSizeExceeded FailureReason = "trace_size_exceeded"
	// CI/CD is disabled for the project.
	FailureReasonBuildsDisabled FailureReason = "builds_disabled"
	// Its environment could not be created, such as for an invalid name.
	FailureReasonEnvironmentCreationFailure FailureReason = "environment_creation_failure"
	// Someone rejected the deployment.
	FailureReasonDeploymentRejected FailureReason = "deployment_rejected"
	// There was a newer deployment.
	FailureReasonFailedOutdatedDeploymentJob FailureReason = "failed_outdated_deployment_job"
	// The job exceeded its timeout, and GitLab, not the runner, ended it.
	FailureReasonJobExecutionServerTimeout FailureReason = "job_execution_server_timeout"
	// It was pending for too long, though there are runners that could take it.
	FailureReasonStuckPendingWithMatchingRunners FailureReason = "stuck_pending_with_matching_runners"
	// It was pending for too long, and there is no runner that could take it.
	FailureReasonStuckPendingNoMatchingRunners FailureReason = "stuck_pending_no_matching_runners"
	// The job was running, but its runner stopped sending updates.
	FailureReasonNoUpdatesRunning FailureReason = "no_updates_running"
	// The job was canceling, but its runner stopped sending updates.
	FailureReasonNoUpdatesCanceling FailureReason = "no_updates_canceling"
	// The job was still running after its timeout, and GitLab ended it.
	FailureReasonServerTimeoutRunning FailureReason = "server_timeout_running"
	// The job was still canceling after its timeout, and GitLab ended it.
	FailureReasonServerTimeoutCanceling FailureReason = "server_timeout_canceling"
	// The job or the runner is configured wrongly, such as with an image that
	// does not exist.
	FailureReasonRunnerConfigurationError FailureReason = "runner_configuration_error"
	// The runner could not reach something it needs, such as an image registry.
	FailureReasonRunnerExternalDependencyFailure FailureReason = "runner_external_dependency_failure"
	// The runner, or its machine, was stopped while the job ran.
	FailureReasonRunnerInterrupted FailureReason = "runner_interrupted"
	// Its user may not deploy to that protected environment.
	FailureReasonProtectedEnvironmentFailure FailureReason = "protected_environment_failure"
	// Its user may not start the downstream pipeline.
	FailureReasonInsufficientBridgePermissions FailureReason = "insufficient_bridge_permissions"
	// The downstream project does not exist, or its user may not see it.
	FailureReasonDownstreamBridgeProjectNotFound FailureReason = "downstream_bridge_project_not_found"
	// Its trigger is defined incorrectly.
	FailureReasonInvalidBridgeTrigger FailureReason = "invalid_bridge_trigger"
	// The upstream project it follows does not exist, or its user may not see it.
	FailureReasonUpstreamBridgeProjectNotFound FailureReason = "upstream_bridge_project_not_found"
	// Its user may not follow the pipelines of the upstream project.
	FailureReasonInsufficientUpstreamPermissions FailureReason = "insufficient_upstream_permissions"
	// Historic: a child pipeline tried to start one of its own, which is allowed
	// today.
	FailureReasonBridgePipelineIsChildPipeline FailureReason = "bridge_pipeline_is_child_pipeline"
	// GitLab could not create the downstream pipeline, such as for invalid
	// configuration.
	FailureReasonDownstreamPipelineCreationFailed FailureReason = "downstream_pipeline_creation_failed"
	// It needs secrets, but no provider of secrets is configured.
	FailureReasonSecretsProviderNotFound FailureReason = "secrets_provider_not_found"
	// Its child pipeline would be one level too deep.
	FailureReasonReachedMaxDescendantPipelinesDepth FailureReason = "reached_max_descendant_pipelines_depth"
	// The group's IP restrictions do not allow the runner's IP address.
	FailureReasonIPRestrictionFailure FailureReason = "ip_restriction_failure"
	// Too many pipelines have started one another.
	FailureReasonReachedMaxPipelineHierarchySize FailureReason = "reached_max_pipeline_hierarchy_size"
	// Too many downstream pipelines were started within a minute.
	FailureReasonReachedDownstreamPipelineTriggerRateLimit FailureReason = "reached_downstream_pipeline_trigger_rate_limit"
	// A job of GitLab Duo was assigned to a runner that may not run such jobs.
	FailureReasonDuoWorkflowNotAllowed FailureReason = "duo_workflow_not_allowed"
	// GitLab's job router could not run it.
	FailureReasonJobRouterFailure FailureReason = "job_router_failure"
	// Its job token expired, most likely because the job exceeded its timeout.
	FailureReasonJobTokenExpired FailureReason = "job_token_expired"
	// It needs an ID token, but another project had the same path before, and the
	// token could be mistaken for that project's.
	FailureReasonIDTokenBurnedProjectPath FailureReason = "id_token_burned_project_path"
	// The project in its trigger is empty after its variables are expanded.
	FailureReasonDownstreamProjectTriggerResolvedToEmpty FailureReason = "downstream_project_trigger_resolved_to_empty"
)

// A JobFailure is a job that failed, with the causes found in its log.
type JobFailure struct {
	Job        *Job          // never nil; for a trigger job, only the fields that both types have
	TriggerJob *TriggerJob   // nil unless the job is one; it has no log
	Reason     FailureReason // of the job

	// Summary is of the job's log: the runner's verdict, the exit code, and the causes
	// that were found. It is never nil; that of a job without a log is empty.
	Summary *joblog.Summary

	// TestCases are the tests that failed according to the job's own JUnit report, if it
	// uploaded one: at most 100, each with at most 64 KiB of output. GitLab has one
	// suite for the jobs of a parallel job, so each of these has the tests of all.
	TestCases []*TestCase

	// Lines are those to show of the failure, without colors: the tests that failed,
	// with the first lines of their output, and then the lines of the summary's causes.
	// They are at most 20 of at most 4 KiB each; a job that never ran has none.
	Lines []string

	// Err is why the log could not be read to its end, such as [ErrForbidden] or
	// the error of a context that has ended. Summary and Lines are then from the part
	// that was read. It is also why there are no TestCases, unless the token may not
	// see them.
	Err error
}

// FailuresOptions say which failures [PipelinesService.Failures] returns. Nil means the
// zero values.
type FailuresOptions struct {
	// Downstream returns the failed jobs of downstream pipelines too, in any project,
	// except of those that the token may not read.
	Downstream bool
}

// Failures returns why a pipeline failed: its failed jobs, as [RunResult.Failed] has them. It
// does not wait: for a running pipeline, it returns what has failed so far.
//
//	GET /projects/:id/pipelines/:pipeline_id/jobs
//	GET /projects/:id/pipelines/:pipeline_id/bridges
//	GET /projects/:id/pipelines/:pipeline_id
//	GET /projects/:id/jobs/:job_id/trace
//	GET /projects/:id/jobs/:job_id
//	GET /projects/:id/pipelines/:pipeline_id/test_report
//
// See https://docs.gitlab.com/api/jobs/#list-all-jobs-by-pipeline.
// The errors are those of [PipelinesService.Watch]. If a log or a report cannot be read,
// only its [JobFailure] has that error. A pipeline can fail without a failed job: see
// [Pipeline.YAMLErrors].
func (s *PipelinesService) Failures(ctx context.Context, project ProjectID, pipeline PipelineID, opts *FailuresOptions) ([]*JobFailure, error) {
	opts = cmp.Or(opts, &FailuresOptions{})
	w, err := s.watch(project, pipeline, &WatchOptions{Downstream: opts.Downstream})
	if err != nil {
		return nil, err
	}
	f := &failures{service: s, watch: w}
	w.emit = func(event *PipelineEvent) bool {
		f.note(event)
		return true
	}
	if err := w.readOnce(ctx); err != nil {
		return nil, err
	}
	if err := f.noteTriggers(ctx, StatusFailed); err != nil {
		return nil, err
	}
	list := f.explain(ctx)
	if ended := rest.Ended(ctx); ended != nil {
		return list, rest.Errorf("Failures: %w", ended)
	}
	return list, nil
}

// failures are the jobs of a pipeline that failed, as its events are noted.
type failures struct {
	service  *PipelinesService
	watch    *watch
	follow   FollowOptions
	attempts map[PipelineID]map[string]*attempt // the newest of each job, by its name
}

// An attempt is a job, as last seen.
type attempt struct {
	id       JobID
	project  ProjectID
	pipeline PipelineID
	failure  *JobFailure // nil unless it counts
}

// projectOf is the project of what has changed.
func (f *failures) projectOf(event *PipelineEvent) ProjectID {
	if p := f.watch.find(event.Pipeline.ID); p != nil {
		return p.project
	}
	return event.Pipeline.ProjectID
}

// note keeps what is known of a job. A newer job of the same name replaces it, because
// that is a retry.
func (f *failures) note(event *PipelineEvent) {
	job := event.Job
	if event.TriggerJob != nil {
		job = &Job{JobInfo: event.TriggerJob.JobInfo}
	}
	if job == nil {
		return
	}
	if f.attempts == nil {
		f.attempts = map[PipelineID]map[string]*attempt{}
	}
	byName := f.attempts[event.Pipeline.ID]
	if byName == nil {
		byName = map[string]*attempt{}
		f.attempts[event.Pipeline.ID] = byName
	}
	if newest := byName[job.Name]; newest != nil && newest.id > job.ID {
		return
	}
	seen := &attempt{id: job.ID, project: f.projectOf(event), pipeline: event.Pipeline.ID}
	if event.Status == StatusFailed && !job.AllowFailure {
		seen.failure = &JobFailure{Job: new(*job), TriggerJob: event.TriggerJob, Reason: job.FailureReason, Summary: &joblog.Summary{}}
	}
	byName[job.Name] = seen
}

// noteTriggers reads the trigger jobs that were not watched, if one of them may be why
// the pipeline failed. Those that did not fail are ignored, even if a server lists them.
func (f *failures) noteTriggers(ctx context.Context, status Status) error {
	root := f.watch.root
	if f.watch.options.Downstream || status != StatusFailed {
		return nil
	}
	failed := &ListTriggerJobsOptions{Scope: []Status{StatusFailed}}
	triggers, err := readPatiently(ctx, f.watch, func() ([]*TriggerJob, error) {
		return collect(triggerJobsOf(root.id), all(ctx, f.service.client, f.service.client.Jobs.anyTriggerJobs(root.project, root.id), failed))
	})
	for _, t := range triggers {
		f.note(root.event(&PipelineEvent{TriggerJob: t, Status: t.Status}))
	}
	return err
}

// maxConcurrentSummaries is how many logs of failed jobs are summarized at the same time.
const maxConcurrentSummaries = 4

// explain returns the list of failures, and reads their logs, some at the same time.
func (f *failures) explain(ctx context.Context) (list []*JobFailure) {
	var logs []*attempt
	for _, failed := range f.failed() {
		list = append(list, failed.failure)
		if failed.failure.TriggerJob == nil {
			logs = append(logs, failed)
		}
	}
	always := context.WithoutCancel(ctx) // if ctx has ended, read says so in each failure
	pool.Each(always, len(logs), maxConcurrentSummaries, func(_ context.Context, i int) error {
		f.read(ctx, logs[i])
		return nil
	})
	f.addTests(ctx, logs)
	for _, failure := range list {
		failure.Lines = failure.linesToShow()
	}
	return list
}

// failed returns the attempts that failed, upstream first. What is below a trigger job that
// was retried does not count.
func (f *failures) failed() (all []*attempt) {
	for queue := []*watched{f.watch.root}; len(queue) > 0; queue = queue[1:] {
		begin := len(all)
		for _, seen := range f.attempts[queue[0].id] {
			if seen.failure != nil {
				all = append(all, seen)
			}
		}
		slices.SortFunc(all[begin:], func(a, b *attempt) int { return cmp.Compare(a.id, b.id) })
		triggers := queue[0].triggers
		for _, id := range slices.Sorted(maps.Keys(triggers)) {
			if t := triggers[id]; t.child != nil && !t.superseded {
				queue = append(queue, t.child)
			}
		}
	}
	return all
}

// read summarizes the log of a job that failed. The job may just have ended, and its
// last lines may still arrive.
func (f *failures) read(ctx context.Context, failed *attempt) {
	failed.failure.Err = rest.Ended(ctx)
	if failed.failure.Err != nil {
		return
	}
	log := f.service.client.Jobs.openFollowed(ctx, failed.project, failed.id, f.follow)
	defer log.Close()
	failed.failure.Summary, failed.failure.Err = joblog.Summarize(log)
}

// addTests adds the tests that failed to those jobs that uploaded a report, pipeline by
// pipeline.
func (f *failures) addTests(ctx context.Context, failed []*attempt) {
	reported := map[PipelineID][]*attempt{}
	for _, a := range failed {
		if slices.ContainsFunc(a.failure.Job.Artifacts, func(file JobArtifact) bool { return file.FileType == ArtifactTypeJUnit }) {
			reported[a.pipeline] = append(reported[a.pipeline], a)
		}
	}
	for _, pipeline := range slices.Sorted(maps.Keys(reported)) {
		if rest.Ended(ctx) != nil {
			return
		}
		f.service.addTests(ctx, pipeline, reported[pipeline])
	}
}

const (
	maxShownLines     = 20 // of a failure
	maxShownTests     = 5
	maxShownTestLines = 3 // lines of a test's output
)

// linesToShow returns [JobFailure.Lines].
func (f *JobFailure) linesToShow() []string {
	var lines []string
	for _, test := range f.TestCases[:min(len(f.TestCases), maxShownTests)] {
		lines = append(lines, test.linesToShow()...)
	}
	for _, line := range f.Summary.Lines() {
		if len(lines) < maxShownLines && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}
