package gitlabci_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
)

func TestStatusGroups(t *testing.T) {
	const (
		finished = "finished"
		blocked  = "blocked"
		active   = "active"
	)
	tests := map[gitlabci.Status]string{
		gitlabci.StatusCreated:            active,
		gitlabci.StatusWaitingForResource: active,
		gitlabci.StatusPreparing:          active,
		gitlabci.StatusWaitingForCallback: active,
		gitlabci.StatusPending:            active,
		gitlabci.StatusRunning:            active,
		gitlabci.StatusSuccess:            finished,
		gitlabci.StatusFailed:             finished,
		gitlabci.StatusCanceling:          active,
		gitlabci.StatusCanceled:           finished,
		gitlabci.StatusSkipped:            finished,
		gitlabci.StatusManual:             blocked,
		gitlabci.StatusScheduled:          active,
		"":                                active,
		"cancelled":                       active, // not GitLab's spelling
		"a_word_of_tomorrow":              active,
	}
	for word := range enumWords["Status"] {
		require.Contains(t, tests, gitlabci.Status(word))
	}
	for status, want := range tests {
		t.Run(string(status), func(t *testing.T) {
			require.Equal(t, want == finished, status.Finished(), "Finished")
			require.Equal(t, want == blocked, status.Blocked(), "Blocked")
			require.Equal(t, want == active, status.Active(), "Active")
		})
	}
}

func TestArtifactTypeDownloadable(t *testing.T) {
	tests := map[gitlabci.ArtifactType]bool{
		gitlabci.ArtifactTypeArchive:              true,
		gitlabci.ArtifactTypeMetadata:             false,
		gitlabci.ArtifactTypeTrace:                false,
		gitlabci.ArtifactTypeJUnit:                true,
		gitlabci.ArtifactTypeSAST:                 true,
		gitlabci.ArtifactTypeDependencyScanning:   true,
		gitlabci.ArtifactTypeContainerScanning:    true,
		gitlabci.ArtifactTypeDAST:                 true,
		gitlabci.ArtifactTypeCodeQuality:          true,
		gitlabci.ArtifactTypeLicenseScanning:      true,
		gitlabci.ArtifactTypePerformance:          true,
		gitlabci.ArtifactTypeBrowserPerformance:   true,
		gitlabci.ArtifactTypeLoadPerformance:      true,
		gitlabci.ArtifactTypeMetrics:              true,
		gitlabci.ArtifactTypeMetricsReferee:       false,
		gitlabci.ArtifactTypeNetworkReferee:       false,
		gitlabci.ArtifactTypeLSIF:                 true,
		gitlabci.ArtifactTypeSCIP:                 true,
		gitlabci.ArtifactTypeDotenv:               true,
		gitlabci.ArtifactTypeCobertura:            true,
		gitlabci.ArtifactTypeJaCoCo:               true,
		gitlabci.ArtifactTypeTerraform:            false,
		gitlabci.ArtifactTypeAccessibility:        true,
		gitlabci.ArtifactTypeClusterApplications:  false,
		gitlabci.ArtifactTypeSecretDetection:      true,
		gitlabci.ArtifactTypeRequirements:         true,
		gitlabci.ArtifactTypeRequirementsV2:       true,
		gitlabci.ArtifactTypeCoverageFuzzing:      false,
		gitlabci.ArtifactTypeAPIFuzzing:           true,
		gitlabci.ArtifactTypeClusterImageScanning: true,
		gitlabci.ArtifactTypeCycloneDX:            true,
		gitlabci.ArtifactTypeAnnotations:          false,
		gitlabci.ArtifactTypeRepositoryXRay:       false,
		gitlabci.ArtifactTypeSARIF:                true,
		"":                                        false,
		"a_word_of_tomorrow":                      false,
	}
	for word := range enumWords["ArtifactType"] {
		require.Contains(t, tests, gitlabci.ArtifactType(word))
	}
	for kind, want := range tests {
		t.Run(string(kind), func(t *testing.T) {
			require.Equal(t, want, kind.Downloadable())
		})
	}
}

// TestEnumWords compares every constant with GitLab's word for it, written out
// a second time below.
func TestEnumWords(t *testing.T) {
	for name, words := range enumWords {
		t.Run(name, func(t *testing.T) {
			for got, want := range words {
				require.Equal(t, want, got)
			}
		})
	}
}

// TestEnumWordsComplete fails when a constant is added to one of these enums
// and not to the table below.
func TestEnumWordsComplete(t *testing.T) {
	declared := declaredEnums(t)
	for name, words := range enumWords {
		require.Len(t, words, declared[name], name)
	}
}

// declaredEnums counts, by type, the typed string constants that the package
// exports.
func declaredEnums(t *testing.T) map[string]int {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	count := make(map[string]int)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				countEnum(spec, count)
			}
			return true
		})
	}
	return count
}

func countEnum(spec *ast.ValueSpec, count map[string]int) {
	typ, ok := spec.Type.(*ast.Ident)
	if !ok || !typ.IsExported() || !spec.Names[0].IsExported() || len(spec.Values) != 1 {
		return
	}
	if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
		count[typ.Name]++
	}
}

func wireWords[T ~string](words map[T]string) map[string]string {
	plain := make(map[string]string, len(words))
	for constant, word := range words {
		plain[string(constant)] = word
	}
	return plain
}

// enumWords has each constant, by type, and the word GitLab sends for it.
var enumWords = map[string]map[string]string{
	"Status": wireWords(map[gitlabci.Status]string{
		gitlabci.StatusCreated:            "created",
		gitlabci.StatusWaitingForResource: "waiting_for_resource",
		gitlabci.StatusPreparing:          "preparing",
		gitlabci.StatusWaitingForCallback: "waiting_for_callback",
		gitlabci.StatusPending:            "pending",
		gitlabci.StatusRunning:            "running",
		gitlabci.StatusSuccess:            "success",
		gitlabci.StatusFailed:             "failed",
		gitlabci.StatusCanceling:          "canceling",
		gitlabci.StatusCanceled:           "canceled",
		gitlabci.StatusSkipped:            "skipped",
		gitlabci.StatusManual:             "manual",
		gitlabci.StatusScheduled:          "scheduled",
	}),
	"Source": wireWords(map[gitlabci.Source]string{
		gitlabci.SourceUnknown:                            "unknown",
		gitlabci.SourcePush:                               "push",
		gitlabci.SourceWeb:                                "web",
		gitlabci.SourceTrigger:                            "trigger",
		gitlabci.SourceSchedule:                           "schedule",
		gitlabci.SourceAPI:                                "api",
		gitlabci.SourceExternal:                           "external",
		gitlabci.SourcePipeline:                           "pipeline",
		gitlabci.SourceChat:                               "chat",
		gitlabci.SourceWebIDE:                             "webide",
		gitlabci.SourceMergeRequestEvent:                  "merge_request_event",
		gitlabci.SourceExternalPullRequestEvent:           "external_pull_request_event",
		gitlabci.SourceParentPipeline:                     "parent_pipeline",
		gitlabci.SourceOnDemandDASTScan:                   "ondemand_dast_scan",
		gitlabci.SourceOnDemandDASTValidation:             "ondemand_dast_validation",
		gitlabci.SourceSecurityOrchestrationPolicy:        "security_orchestration_policy",
		gitlabci.SourceContainerRegistryPush:              "container_registry_push",
		gitlabci.SourceDuoWorkflow:                        "duo_workflow",
		gitlabci.SourcePipelineExecutionPolicySchedule:    "pipeline_execution_policy_schedule",
		gitlabci.SourceDependencyManagementSecurityUpdate: "dependency_management_security_update",
	}),
	"FailureReason": wireWords(map[gitlabci.FailureReason]string{
		gitlabci.ReasonUnknownFailure:                            "unknown_failure",
		gitlabci.ReasonScriptFailure:                             "script_failure",
		gitlabci.ReasonAPIFailure:                                "api_failure",
		gitlabci.ReasonStuckOrTimeoutFailure:                     "stuck_or_timeout_failure",
		gitlabci.ReasonRunnerSystemFailure:                       "runner_system_failure",
		gitlabci.ReasonMissingDependencyFailure:                  "missing_dependency_failure",
		gitlabci.ReasonRunnerUnsupported:                         "runner_unsupported",
		gitlabci.ReasonStaleSchedule:                             "stale_schedule",
		gitlabci.ReasonJobExecutionTimeout:                       "job_execution_timeout",
		gitlabci.ReasonArchivedFailure:                           "archived_failure",
		gitlabci.ReasonUnmetPrerequisites:                        "unmet_prerequisites",
		gitlabci.ReasonSchedulerFailure:                          "scheduler_failure",
		gitlabci.ReasonDataIntegrityFailure:                      "data_integrity_failure",
		gitlabci.ReasonForwardDeploymentFailure:                  "forward_deployment_failure",
		gitlabci.ReasonUserBlocked:                               "user_blocked",
		gitlabci.ReasonProjectDeleted:                            "project_deleted",
		gitlabci.ReasonCIQuotaExceeded:                           "ci_quota_exceeded",
		gitlabci.ReasonPipelineLoopDetected:                      "pipeline_loop_detected",
		gitlabci.ReasonNoMatchingRunner:                          "no_matching_runner",
		gitlabci.ReasonTraceSizeExceeded:                         "trace_size_exceeded",
		gitlabci.ReasonBuildsDisabled:                            "builds_disabled",
		gitlabci.ReasonEnvironmentCreationFailure:                "environment_creation_failure",
		gitlabci.ReasonDeploymentRejected:                        "deployment_rejected",
		gitlabci.ReasonFailedOutdatedDeploymentJob:               "failed_outdated_deployment_job",
		gitlabci.ReasonJobExecutionServerTimeout:                 "job_execution_server_timeout",
		gitlabci.ReasonStuckPendingWithMatchingRunners:           "stuck_pending_with_matching_runners",
		gitlabci.ReasonStuckPendingNoMatchingRunners:             "stuck_pending_no_matching_runners",
		gitlabci.ReasonNoUpdatesRunning:                          "no_updates_running",
		gitlabci.ReasonNoUpdatesCanceling:                        "no_updates_canceling",
		gitlabci.ReasonServerTimeoutRunning:                      "server_timeout_running",
		gitlabci.ReasonServerTimeoutCanceling:                    "server_timeout_canceling",
		gitlabci.ReasonRunnerConfigurationError:                  "runner_configuration_error",
		gitlabci.ReasonRunnerExternalDependencyFailure:           "runner_external_dependency_failure",
		gitlabci.ReasonRunnerInterrupted:                         "runner_interrupted",
		gitlabci.ReasonProtectedEnvironmentFailure:               "protected_environment_failure",
		gitlabci.ReasonInsufficientBridgePermissions:             "insufficient_bridge_permissions",
		gitlabci.ReasonDownstreamBridgeProjectNotFound:           "downstream_bridge_project_not_found",
		gitlabci.ReasonInvalidBridgeTrigger:                      "invalid_bridge_trigger",
		gitlabci.ReasonUpstreamBridgeProjectNotFound:             "upstream_bridge_project_not_found",
		gitlabci.ReasonInsufficientUpstreamPermissions:           "insufficient_upstream_permissions",
		gitlabci.ReasonBridgePipelineIsChildPipeline:             "bridge_pipeline_is_child_pipeline",
		gitlabci.ReasonDownstreamPipelineCreationFailed:          "downstream_pipeline_creation_failed",
		gitlabci.ReasonSecretsProviderNotFound:                   "secrets_provider_not_found",
		gitlabci.ReasonReachedMaxDescendantPipelinesDepth:        "reached_max_descendant_pipelines_depth",
		gitlabci.ReasonIPRestrictionFailure:                      "ip_restriction_failure",
		gitlabci.ReasonReachedMaxPipelineHierarchySize:           "reached_max_pipeline_hierarchy_size",
		gitlabci.ReasonReachedDownstreamPipelineTriggerRateLimit: "reached_downstream_pipeline_trigger_rate_limit",
		gitlabci.ReasonDuoWorkflowNotAllowed:                     "duo_workflow_not_allowed",
		gitlabci.ReasonJobRouterFailure:                          "job_router_failure",
		gitlabci.ReasonJobTokenExpired:                           "job_token_expired",
		gitlabci.ReasonIDTokenBurnedProjectPath:                  "id_token_burned_project_path",
		gitlabci.ReasonDownstreamProjectTriggerResolvedToEmpty:   "downstream_project_trigger_resolved_to_empty",
	}),
	"PipelineFailureReason": wireWords(map[gitlabci.PipelineFailureReason]string{
		gitlabci.PipelineReasonUnknownFailure:             "unknown_failure",
		gitlabci.PipelineReasonConfigError:                "config_error",
		gitlabci.PipelineReasonExternalValidationFailure:  "external_validation_failure",
		gitlabci.PipelineReasonUserNotVerified:            "user_not_verified",
		gitlabci.PipelineReasonSizeLimitExceeded:          "size_limit_exceeded",
		gitlabci.PipelineReasonJobActivityLimitExceeded:   "job_activity_limit_exceeded",
		gitlabci.PipelineReasonDeploymentsLimitExceeded:   "deployments_limit_exceeded",
		gitlabci.PipelineReasonProjectDeleted:             "project_deleted",
		gitlabci.PipelineReasonFilteredByRules:            "filtered_by_rules",
		gitlabci.PipelineReasonFilteredByWorkflowRules:    "filtered_by_workflow_rules",
		gitlabci.PipelineReasonCompositeIdentityForbidden: "composite_identity_forbidden",
		gitlabci.PipelineReasonPipelineRefCreationFailure: "pipeline_ref_creation_failure",
		gitlabci.PipelineReasonFilteredByNoPipeline:       "filtered_by_no_pipeline",
		gitlabci.PipelineReasonGitalyUnavailable:          "gitaly_unavailable",
	}),
	"VariableType": wireWords(map[gitlabci.VariableType]string{
		gitlabci.VariableEnvVar: "env_var",
		gitlabci.VariableFile:   "file",
	}),
	"PipelineScope": wireWords(map[gitlabci.PipelineScope]string{
		gitlabci.ScopeRunning:  "running",
		gitlabci.ScopePending:  "pending",
		gitlabci.ScopeFinished: "finished",
		gitlabci.ScopeBranches: "branches",
		gitlabci.ScopeTags:     "tags",
	}),
	"PipelineOrder": wireWords(map[gitlabci.PipelineOrder]string{
		gitlabci.OrderByID:        "id",
		gitlabci.OrderByStatus:    "status",
		gitlabci.OrderByRef:       "ref",
		gitlabci.OrderByUpdatedAt: "updated_at",
		gitlabci.OrderByUserID:    "user_id",
		gitlabci.OrderByCreatedAt: "created_at",
	}),
	"Sort": wireWords(map[gitlabci.Sort]string{
		gitlabci.SortAsc:  "asc",
		gitlabci.SortDesc: "desc",
	}),
	"DownloadMode": wireWords(map[gitlabci.DownloadMode]string{
		gitlabci.DownloadProxy:  "proxy",
		gitlabci.DownloadDirect: "direct",
	}),
	"EntryType": wireWords(map[gitlabci.EntryType]string{
		gitlabci.EntryFile:      "file",
		gitlabci.EntryDirectory: "directory",
	}),
	"ArtifactType": wireWords(map[gitlabci.ArtifactType]string{
		gitlabci.ArtifactTypeArchive:              "archive",
		gitlabci.ArtifactTypeMetadata:             "metadata",
		gitlabci.ArtifactTypeTrace:                "trace",
		gitlabci.ArtifactTypeJUnit:                "junit",
		gitlabci.ArtifactTypeSAST:                 "sast",
		gitlabci.ArtifactTypeDependencyScanning:   "dependency_scanning",
		gitlabci.ArtifactTypeContainerScanning:    "container_scanning",
		gitlabci.ArtifactTypeDAST:                 "dast",
		gitlabci.ArtifactTypeCodeQuality:          "codequality",
		gitlabci.ArtifactTypeLicenseScanning:      "license_scanning",
		gitlabci.ArtifactTypePerformance:          "performance",
		gitlabci.ArtifactTypeBrowserPerformance:   "browser_performance",
		gitlabci.ArtifactTypeLoadPerformance:      "load_performance",
		gitlabci.ArtifactTypeMetrics:              "metrics",
		gitlabci.ArtifactTypeMetricsReferee:       "metrics_referee",
		gitlabci.ArtifactTypeNetworkReferee:       "network_referee",
		gitlabci.ArtifactTypeLSIF:                 "lsif",
		gitlabci.ArtifactTypeSCIP:                 "scip",
		gitlabci.ArtifactTypeDotenv:               "dotenv",
		gitlabci.ArtifactTypeCobertura:            "cobertura",
		gitlabci.ArtifactTypeJaCoCo:               "jacoco",
		gitlabci.ArtifactTypeTerraform:            "terraform",
		gitlabci.ArtifactTypeAccessibility:        "accessibility",
		gitlabci.ArtifactTypeClusterApplications:  "cluster_applications",
		gitlabci.ArtifactTypeSecretDetection:      "secret_detection",
		gitlabci.ArtifactTypeRequirements:         "requirements",
		gitlabci.ArtifactTypeRequirementsV2:       "requirements_v2",
		gitlabci.ArtifactTypeCoverageFuzzing:      "coverage_fuzzing",
		gitlabci.ArtifactTypeAPIFuzzing:           "api_fuzzing",
		gitlabci.ArtifactTypeClusterImageScanning: "cluster_image_scanning",
		gitlabci.ArtifactTypeCycloneDX:            "cyclonedx",
		gitlabci.ArtifactTypeAnnotations:          "annotations",
		gitlabci.ArtifactTypeRepositoryXRay:       "repository_xray",
		gitlabci.ArtifactTypeSARIF:                "sarif",
	}),
	"ArtifactFormat": wireWords(map[gitlabci.ArtifactFormat]string{
		gitlabci.FormatRaw:  "raw",
		gitlabci.FormatZip:  "zip",
		gitlabci.FormatGzip: "gzip",
	}),
	"RunnerType": wireWords(map[gitlabci.RunnerType]string{
		gitlabci.RunnerInstance: "instance_type",
		gitlabci.RunnerGroup:    "group_type",
		gitlabci.RunnerProject:  "project_type",
	}),
	"RunnerStatus": wireWords(map[gitlabci.RunnerStatus]string{
		gitlabci.RunnerOnline:         "online",
		gitlabci.RunnerOffline:        "offline",
		gitlabci.RunnerStale:          "stale",
		gitlabci.RunnerNeverContacted: "never_contacted",
		gitlabci.RunnerPaused:         "paused",
	}),
	"JobExecutionStatus": wireWords(map[gitlabci.JobExecutionStatus]string{
		gitlabci.ExecutionActive: "active",
		gitlabci.ExecutionIdle:   "idle",
	}),
	"TestStatus": wireWords(map[gitlabci.TestStatus]string{
		gitlabci.TestSuccess: "success",
		gitlabci.TestFailed:  "failed",
		gitlabci.TestSkipped: "skipped",
		gitlabci.TestError:   "error",
	}),
}
