package gitlabci

// A FailureReason is why a job failed; it is "" for a job with another status.
// The set is open: a word not listed here passes through unchanged, and new ones
// come often. Old jobs keep the word of their day.
//
// See https://docs.gitlab.com/api/jobs/.
type FailureReason string

const (
	// GitLab has no better word for it.
	FailureReasonUnknownFailure FailureReason = "unknown_failure"
	// A command of the job failed. With older servers and runners also an image
	// that could not be pulled.
	FailureReasonScriptFailure FailureReason = "script_failure"
	// The runner and GitLab failed to talk to each other.
	FailureReasonAPIFailure FailureReason = "api_failure"
	// Legacy: no runner took the job, or the one that did fell silent. Newer
	// servers write one of the stuck_pending and no_updates reasons.
	FailureReasonStuckOrTimeoutFailure FailureReason = "stuck_or_timeout_failure"
	// The runner broke down, such as while it set up the job.
	FailureReasonRunnerSystemFailure FailureReason = "runner_system_failure"
	// The artifacts of an earlier job, which this one needs, are gone.
	FailureReasonMissingDependencyFailure FailureReason = "missing_dependency_failure"
	// The runner lacks a feature which the job needs.
	FailureReasonRunnerUnsupported FailureReason = "runner_unsupported"
	// A delayed job was not started when its time had come.
	FailureReasonStaleSchedule FailureReason = "stale_schedule"
	// The job ran past its timeout. Legacy where GitLab itself notices, as newer
	// servers then write one of the server_timeout reasons.
	FailureReasonJobExecutionTimeout FailureReason = "job_execution_timeout"
	// The job is archived: too old to run.
	FailureReasonArchivedFailure FailureReason = "archived_failure"
	// Something GitLab has to do before the job did not work.
	FailureReasonUnmetPrerequisites FailureReason = "unmet_prerequisites"
	// GitLab could not hand the job to a runner.
	FailureReasonSchedulerFailure FailureReason = "scheduler_failure"
	// GitLab stumbled over the job's own data; an administrator can look it up.
	FailureReasonDataIntegrityFailure FailureReason = "data_integrity_failure"
	// Deprecated by GitLab: a newer deployment was made already. Now written as
	// failed_outdated_deployment_job.
	FailureReasonForwardDeploymentFailure FailureReason = "forward_deployment_failure"
	// The user it ran for is blocked.
	FailureReasonUserBlocked FailureReason = "user_blocked"
	// Its project was deleted.
	FailureReasonProjectDeleted FailureReason = "project_deleted"
	// The compute minutes are used up.
	FailureReasonCIQuotaExceeded FailureReason = "ci_quota_exceeded"
	// Its downstream pipeline would start the same one over and over.
	FailureReasonPipelineLoopDetected FailureReason = "pipeline_loop_detected"
	// No runner may take the job.
	FailureReasonNoMatchingRunner FailureReason = "no_matching_runner"
	// Its log grew past the server's limit.
	FailureReasonTraceSizeExceeded FailureReason = "trace_size_exceeded"
	// CI/CD is switched off for the project.
	FailureReasonBuildsDisabled FailureReason = "builds_disabled"
	// Its environment could not be made, such as for an invalid name.
	FailureReasonEnvironmentCreationFailure FailureReason = "environment_creation_failure"
	// Someone refused to approve the deployment.
	FailureReasonDeploymentRejected FailureReason = "deployment_rejected"
	// A newer deployment was made already.
	FailureReasonFailedOutdatedDeploymentJob FailureReason = "failed_outdated_deployment_job"
	// GitLab, and not the runner, ended a job past its timeout.
	FailureReasonJobExecutionServerTimeout FailureReason = "job_execution_server_timeout"
	// It was pending for too long, though there are runners that could take it.
	FailureReasonStuckPendingWithMatchingRunners FailureReason = "stuck_pending_with_matching_runners"
	// It was pending for too long, and there is no runner that could take it.
	FailureReasonStuckPendingNoMatchingRunners FailureReason = "stuck_pending_no_matching_runners"
	// It was running, but its runner fell silent.
	FailureReasonNoUpdatesRunning FailureReason = "no_updates_running"
	// It was canceling, but its runner fell silent.
	FailureReasonNoUpdatesCanceling FailureReason = "no_updates_canceling"
	// GitLab found it still running past its timeout.
	FailureReasonServerTimeoutRunning FailureReason = "server_timeout_running"
	// GitLab found it still canceling past its timeout.
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
	// The definition of its trigger makes no sense.
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
	// It asks for secrets, but no provider of secrets is configured.
	FailureReasonSecretsProviderNotFound FailureReason = "secrets_provider_not_found"
	// Its child pipeline would be one level too deep.
	FailureReasonReachedMaxDescendantPipelinesDepth FailureReason = "reached_max_descendant_pipelines_depth"
	// The group's IP restrictions do not let the runner's address in.
	FailureReasonIPRestrictionFailure FailureReason = "ip_restriction_failure"
	// The pipelines that started one another have become too many.
	FailureReasonReachedMaxPipelineHierarchySize FailureReason = "reached_max_pipeline_hierarchy_size"
	// Too many downstream pipelines were started within a minute.
	FailureReasonReachedDownstreamPipelineTriggerRateLimit FailureReason = "reached_downstream_pipeline_trigger_rate_limit"
	// A job of GitLab Duo came to a runner that may not run such jobs.
	FailureReasonDuoWorkflowNotAllowed FailureReason = "duo_workflow_not_allowed"
	// GitLab's job router could not run it.
	FailureReasonJobRouterFailure FailureReason = "job_router_failure"
	// Its job token ran out, most likely with the job's time.
	FailureReasonJobTokenExpired FailureReason = "job_token_expired"
	// It asks for an ID token, but another project had the same path before, so
	// that the token could pass for that one's.
	FailureReasonIDTokenBurnedProjectPath FailureReason = "id_token_burned_project_path"
	// The project in its trigger is blank once the variables are filled in.
	FailureReasonDownstreamProjectTriggerResolvedToEmpty FailureReason = "downstream_project_trigger_resolved_to_empty"
)
