package services_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest"
	"example.com/gitlabci/internal/testkit"
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
	files, err := filepath.Glob(testkit.ModuleFile(t, "*.go"))
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
		gitlabci.FailureReasonUnknownFailure:                            "unknown_failure",
		gitlabci.FailureReasonScriptFailure:                             "script_failure",
		gitlabci.FailureReasonAPIFailure:                                "api_failure",
		gitlabci.FailureReasonStuckOrTimeoutFailure:                     "stuck_or_timeout_failure",
		gitlabci.FailureReasonRunnerSystemFailure:                       "runner_system_failure",
		gitlabci.FailureReasonMissingDependencyFailure:                  "missing_dependency_failure",
		gitlabci.FailureReasonRunnerUnsupported:                         "runner_unsupported",
		gitlabci.FailureReasonStaleSchedule:                             "stale_schedule",
		gitlabci.FailureReasonJobExecutionTimeout:                       "job_execution_timeout",
		gitlabci.FailureReasonArchivedFailure:                           "archived_failure",
		gitlabci.FailureReasonUnmetPrerequisites:                        "unmet_prerequisites",
		gitlabci.FailureReasonSchedulerFailure:                          "scheduler_failure",
		gitlabci.FailureReasonDataIntegrityFailure:                      "data_integrity_failure",
		gitlabci.FailureReasonForwardDeploymentFailure:                  "forward_deployment_failure",
		gitlabci.FailureReasonUserBlocked:                               "user_blocked",
		gitlabci.FailureReasonProjectDeleted:                            "project_deleted",
		gitlabci.FailureReasonCIQuotaExceeded:                           "ci_quota_exceeded",
		gitlabci.FailureReasonPipelineLoopDetected:                      "pipeline_loop_detected",
		gitlabci.FailureReasonNoMatchingRunner:                          "no_matching_runner",
		gitlabci.FailureReasonTraceSizeExceeded:                         "trace_size_exceeded",
		gitlabci.FailureReasonBuildsDisabled:                            "builds_disabled",
		gitlabci.FailureReasonEnvironmentCreationFailure:                "environment_creation_failure",
		gitlabci.FailureReasonDeploymentRejected:                        "deployment_rejected",
		gitlabci.FailureReasonFailedOutdatedDeploymentJob:               "failed_outdated_deployment_job",
		gitlabci.FailureReasonJobExecutionServerTimeout:                 "job_execution_server_timeout",
		gitlabci.FailureReasonStuckPendingWithMatchingRunners:           "stuck_pending_with_matching_runners",
		gitlabci.FailureReasonStuckPendingNoMatchingRunners:             "stuck_pending_no_matching_runners",
		gitlabci.FailureReasonNoUpdatesRunning:                          "no_updates_running",
		gitlabci.FailureReasonNoUpdatesCanceling:                        "no_updates_canceling",
		gitlabci.FailureReasonServerTimeoutRunning:                      "server_timeout_running",
		gitlabci.FailureReasonServerTimeoutCanceling:                    "server_timeout_canceling",
		gitlabci.FailureReasonRunnerConfigurationError:                  "runner_configuration_error",
		gitlabci.FailureReasonRunnerExternalDependencyFailure:           "runner_external_dependency_failure",
		gitlabci.FailureReasonRunnerInterrupted:                         "runner_interrupted",
		gitlabci.FailureReasonProtectedEnvironmentFailure:               "protected_environment_failure",
		gitlabci.FailureReasonInsufficientBridgePermissions:             "insufficient_bridge_permissions",
		gitlabci.FailureReasonDownstreamBridgeProjectNotFound:           "downstream_bridge_project_not_found",
		gitlabci.FailureReasonInvalidBridgeTrigger:                      "invalid_bridge_trigger",
		gitlabci.FailureReasonUpstreamBridgeProjectNotFound:             "upstream_bridge_project_not_found",
		gitlabci.FailureReasonInsufficientUpstreamPermissions:           "insufficient_upstream_permissions",
		gitlabci.FailureReasonBridgePipelineIsChildPipeline:             "bridge_pipeline_is_child_pipeline",
		gitlabci.FailureReasonDownstreamPipelineCreationFailed:          "downstream_pipeline_creation_failed",
		gitlabci.FailureReasonSecretsProviderNotFound:                   "secrets_provider_not_found",
		gitlabci.FailureReasonReachedMaxDescendantPipelinesDepth:        "reached_max_descendant_pipelines_depth",
		gitlabci.FailureReasonIPRestrictionFailure:                      "ip_restriction_failure",
		gitlabci.FailureReasonReachedMaxPipelineHierarchySize:           "reached_max_pipeline_hierarchy_size",
		gitlabci.FailureReasonReachedDownstreamPipelineTriggerRateLimit: "reached_downstream_pipeline_trigger_rate_limit",
		gitlabci.FailureReasonDuoWorkflowNotAllowed:                     "duo_workflow_not_allowed",
		gitlabci.FailureReasonJobRouterFailure:                          "job_router_failure",
		gitlabci.FailureReasonJobTokenExpired:                           "job_token_expired",
		gitlabci.FailureReasonIDTokenBurnedProjectPath:                  "id_token_burned_project_path",
		gitlabci.FailureReasonDownstreamProjectTriggerResolvedToEmpty:   "downstream_project_trigger_resolved_to_empty",
	}),
	"VariableType": wireWords(map[gitlabci.VariableType]string{
		gitlabci.VariableTypeEnvVar: "env_var",
		gitlabci.VariableTypeFile:   "file",
	}),
	"PipelineScope": wireWords(map[gitlabci.PipelineScope]string{
		gitlabci.PipelineScopeRunning:  "running",
		gitlabci.PipelineScopePending:  "pending",
		gitlabci.PipelineScopeFinished: "finished",
		gitlabci.PipelineScopeBranches: "branches",
		gitlabci.PipelineScopeTags:     "tags",
	}),
	"PipelineOrder": wireWords(map[gitlabci.PipelineOrder]string{
		gitlabci.PipelineOrderByID:        "id",
		gitlabci.PipelineOrderByStatus:    "status",
		gitlabci.PipelineOrderByRef:       "ref",
		gitlabci.PipelineOrderByUpdatedAt: "updated_at",
		gitlabci.PipelineOrderByUserID:    "user_id",
		gitlabci.PipelineOrderByCreatedAt: "created_at",
	}),
	"Sort": wireWords(map[gitlabci.Sort]string{
		gitlabci.SortAsc:  "asc",
		gitlabci.SortDesc: "desc",
	}),
	"DownloadMode": wireWords(map[gitlabci.DownloadMode]string{
		gitlabci.DownloadModeProxy:  "proxy",
		gitlabci.DownloadModeDirect: "direct",
	}),
	"EntryType": wireWords(map[gitlabci.EntryType]string{
		gitlabci.EntryTypeFile:      "file",
		gitlabci.EntryTypeDirectory: "directory",
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
		gitlabci.ArtifactFormatRaw:  "raw",
		gitlabci.ArtifactFormatZip:  "zip",
		gitlabci.ArtifactFormatGzip: "gzip",
	}),
	"RunnerType": wireWords(map[gitlabci.RunnerType]string{
		gitlabci.RunnerTypeInstance: "instance_type",
		gitlabci.RunnerTypeGroup:    "group_type",
		gitlabci.RunnerTypeProject:  "project_type",
	}),
	"RunnerStatus": wireWords(map[gitlabci.RunnerStatus]string{
		gitlabci.RunnerStatusOnline:         "online",
		gitlabci.RunnerStatusOffline:        "offline",
		gitlabci.RunnerStatusStale:          "stale",
		gitlabci.RunnerStatusNeverContacted: "never_contacted",
		gitlabci.RunnerStatusPaused:         "paused",
	}),
	"JobExecutionStatus": wireWords(map[gitlabci.JobExecutionStatus]string{
		gitlabci.JobExecutionStatusActive: "active",
		gitlabci.JobExecutionStatusIdle:   "idle",
	}),
	"TestStatus": wireWords(map[gitlabci.TestStatus]string{
		gitlabci.TestStatusSuccess: "success",
		gitlabci.TestStatusFailed:  "failed",
		gitlabci.TestStatusSkipped: "skipped",
		gitlabci.TestStatusError:   "error",
	}),
}

func TestProjectNumbers(t *testing.T) {
	for project, want := range map[gitlabci.ProjectID]int64{
		gitlabci.ProjectNumber(7):             7,
		gitlabci.ProjectNumber(math.MaxInt64): math.MaxInt64,
		"57":                                  57,
		"":                                    0,
		"0":                                   0,
		"-7":                                  0,
		"+7":                                  0,
		"7.0":                                 0,
		" 7":                                  0,
		"9223372036854775808":                 0,
		"group/app":                           0,
		"7/8":                                 0,
	} {
		n, ok := project.Number()
		require.Equal(t, want, n, project)
		require.Equal(t, want != 0, ok, project)
	}
}

// GitLab writes a project as a number. Both the fast and the lenient decoding, and a
// program that uses encoding/json, read it; and it is written as it was read.
func TestProjectIDsInJSON(t *testing.T) {
	for text, test := range map[string]struct {
		want  gitlabci.ProjectID
		wrote string
	}{
		`57`:                  {"57", `57`},
		`57.0`:                {"57", `57`},
		`5.7e1`:               {"57", `57`},
		`"57"`:                {"57", `57`},
		`9007199254740993`:    {"9007199254740993", `9007199254740993`},
		`9223372036854775807`: {"9223372036854775807", `9223372036854775807`},
		`"group/app"`:         {"group/app", `"group/app"`},
		`"group\/app"`:        {"group/app", `"group/app"`},
		`"007"`:               {"007", `7`},
		`-7`:                  {"-7", `"-7"`},
		`0`:                   {"", `null`},
		`""`:                  {"", `null`},
		`null`:                {"", `null`},
	} {
		t.Run(text, func(t *testing.T) {
			var alone gitlabci.ProjectID
			require.NoError(t, json.Unmarshal([]byte(text), &alone))
			require.Equal(t, test.want, alone)
			wrote, err := json.Marshal(alone)
			require.NoError(t, err)
			require.Equal(t, test.wrote, string(wrote))
			for _, iid := range []string{"12", `"12"`} { // the second one makes the fast decoding give up
				s := testkit.CannedJSON(`{"id":42,"iid":` + iid + `,"project_id":` + text + `}`)
				pipeline, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 42)
				require.NoError(t, err)
				require.EqualValues(t, 12, pipeline.IID)
				require.Equal(t, test.want, pipeline.ProjectID)
			}
		})
	}
}

func TestInvalidProjectIDs(t *testing.T) {
	for _, text := range []string{`7.5`, `1e300`, `true`, `{"id":57}`, `[57]`} {
		t.Run(text, func(t *testing.T) {
			project := gitlabci.ProjectID("before")
			require.Error(t, json.Unmarshal([]byte(text), &project))
			require.EqualValues(t, "before", project)
			s := testkit.CannedJSON(`{"id":42,"project_id":` + text + `,"ref":"main"}`)
			pipeline, err := s.Client(t).Pipelines.Get(t.Context(), "group/app", 42)
			require.NoError(t, err, "the rest of a response is kept")
			require.Equal(t, &gitlabci.Pipeline{PipelineInfo: gitlabci.PipelineInfo{ID: 42, Ref: "main"}}, pipeline)
		})
	}
}

func TestProjectOfAResponseIsAccepted(t *testing.T) {
	srv := gitlabcitest.NewServer()
	id := srv.AddPipeline("group/app", gitlabcitest.Pipeline{Ref: "main"}).ID
	client := srv.Client()
	p, err := client.Pipelines.Get(t.Context(), "group/app", id)
	require.NoError(t, err)
	again, err := client.Pipelines.Get(t.Context(), p.ProjectID, p.ID)
	require.NoError(t, err)
	require.Equal(t, p, again)
}
