package gitlabci

import (
	"maps"
	"slices"
)

// A Status is the state of a pipeline or a job. It is exactly one of Finished, Blocked and
// Active. GitLab writes "canceled", with one l. The set is open: a word not listed here
// passes through unchanged, and is Active.
//
// See https://docs.gitlab.com/api/pipelines/ and
// https://docs.gitlab.com/api/jobs/.
type Status string

const (
	StatusCreated            Status = "created"              // waits for its turn
	StatusWaitingForResource Status = "waiting_for_resource" // another job holds its resource group
	StatusPreparing          Status = "preparing"            // GitLab prepares the job
	StatusWaitingForCallback Status = "waiting_for_callback" // waits for another system
	StatusPending            Status = "pending"              // ready, until a runner takes it
	StatusRunning            Status = "running"              // a runner runs it
	StatusSuccess            Status = "success"              // succeeded; of a pipeline, jobs that are allowed to fail do not count
	StatusFailed             Status = "failed"               // a job then has a [FailureReason]
	StatusCanceling          Status = "canceling"            // canceled, and the runner still cleans up
	StatusCanceled           Status = "canceled"             // stopped before its end
	StatusSkipped            Status = "skipped"              // never ran, such as after a failure in an earlier stage
	StatusManual             Status = "manual"               // waits until someone plays it
	StatusScheduled          Status = "scheduled"            // delayed; it starts by itself at its time
)

// Finished reports whether s is an end: success, failed, canceled or skipped.
// Such a pipeline or job starts again only if someone retries it, or plays a manual job. GitLab's
// own scope=finished, which is [PipelineScopeFinished], leaves out skipped.
func (s Status) Finished() bool {
	switch s {
	case StatusSuccess, StatusFailed, StatusCanceled, StatusSkipped:
		return true
	default:
		return false
	}
}

// Blocked reports whether s waits for a person. Only manual does.
func (s Status) Blocked() bool { return s == StatusManual }

// Active reports whether s is neither Finished nor Blocked: it is expected to change
// without anyone's action. Scheduled, canceling, "" and unknown statuses are Active, so
// that a program that waits for the end keeps waiting.
func (s Status) Active() bool { return !s.Finished() && !s.Blocked() }

// A Source is what started a pipeline. The set is open: a word not listed here
// passes through unchanged.
//
// GitLab keeps some pipelines apart and calls them dangling: those of webide,
// parent_pipeline, ondemand_dast_scan, ondemand_dast_validation,
// security_orchestration_policy, container_registry_push, duo_workflow,
// pipeline_execution_policy_schedule and dependency_management_security_update.
// They say nothing about the state of their branch or tag, so
// [PipelinesService.Latest] never returns one, however new;
// [PipelinesService.Get] does.
//
// See https://docs.gitlab.com/ci/jobs/job_rules/#ci_pipeline_source-predefined-variable.
type Source string

const (
	// GitLab did not record what it was.
	SourceUnknown Source = "unknown"
	// Commits or a tag were pushed.
	SourcePush Source = "push"
	// Someone started it from the project's pages.
	SourceWeb Source = "web"
	// A call with a pipeline trigger token.
	SourceTrigger Source = "trigger"
	// A pipeline schedule was due.
	SourceSchedule Source = "schedule"
	// A call of the API, [PipelinesService.Create] among them.
	SourceAPI Source = "api"
	// A CI service other than GitLab's reports its results here.
	SourceExternal Source = "external"
	// A pipeline of another project, by a trigger job or with its job token.
	SourcePipeline Source = "pipeline"
	// A ChatOps command.
	SourceChat Source = "chat"
	// A run from the Web IDE; dangling.
	SourceWebIDE Source = "webide"
	// A merge request was opened or changed.
	SourceMergeRequestEvent Source = "merge_request_event"
	// A pull request on GitHub, for a project that is mirrored from there.
	SourceExternalPullRequestEvent Source = "external_pull_request_event"
	// A trigger job of the same project: this is a child pipeline. Dangling, and
	// listed only with this Source in the options.
	SourceParentPipeline Source = "parent_pipeline"
	// Someone started a DAST scan; dangling.
	SourceOnDemandDASTScan Source = "ondemand_dast_scan"
	// The check that a site may be scanned by DAST; dangling.
	SourceOnDemandDASTValidation Source = "ondemand_dast_validation"
	// A security policy called for it; dangling.
	SourceSecurityOrchestrationPolicy Source = "security_orchestration_policy"
	// An image came into the container registry and is scanned; dangling.
	SourceContainerRegistryPush Source = "container_registry_push"
	// An agent of GitLab Duo does its work in it; dangling.
	SourceDuoWorkflow Source = "duo_workflow"
	// A pipeline execution policy that runs by the clock; dangling.
	SourcePipelineExecutionPolicySchedule Source = "pipeline_execution_policy_schedule"
	// GitLab prepares an update of a vulnerable dependency; dangling.
	SourceDependencyManagementSecurityUpdate Source = "dependency_management_security_update"
)

// A VariableType is how a job sees a variable. The set is open: a word not
// listed here passes through unchanged.
//
// See https://docs.gitlab.com/api/pipelines/.
type VariableType string

const (
	VariableTypeEnvVar VariableType = "env_var" // the value is in the environment
	VariableTypeFile   VariableType = "file"    // the value is in a file, whose path is in the environment
)

// A PipelineScope picks pipelines for [ListPipelinesOptions]. The set is open:
// a word not listed here passes through unchanged, and GitLab refuses what it
// does not know.
//
// See https://docs.gitlab.com/api/pipelines/.
type PipelineScope string

const (
	PipelineScopeRunning  PipelineScope = "running"  // running, and no other status
	PipelineScopePending  PipelineScope = "pending"  // pending, and no other status
	PipelineScopeFinished PipelineScope = "finished" // success, failed or canceled; not skipped
	PipelineScopeBranches PipelineScope = "branches" // the newest one of each branch that still exists
	PipelineScopeTags     PipelineScope = "tags"     // the newest one of each tag that still exists
)

// A PipelineOrder is what a list of pipelines is sorted by. The set is open: a
// word not listed here passes through unchanged, and GitLab refuses what it
// does not know.
//
// See https://docs.gitlab.com/api/pipelines/.
type PipelineOrder string

const (
	PipelineOrderByID        PipelineOrder = "id"         // age, as IDs only grow; a project's default
	PipelineOrderByStatus    PipelineOrder = "status"     // status
	PipelineOrderByRef       PipelineOrder = "ref"        // name of the branch or tag
	PipelineOrderByUpdatedAt PipelineOrder = "updated_at" // time of the last change
	PipelineOrderByUserID    PipelineOrder = "user_id"    // who started it

	// Time of creation: for [PipelinesService.ListMine] only, which takes no
	// other order. [PipelinesService.List] refuses it.
	PipelineOrderByCreatedAt PipelineOrder = "created_at"
)

// A StatusOrder is what a list of statuses is sorted by. The set is open: a word not
// listed here passes through unchanged, and GitLab refuses what it does not know.
type StatusOrder string

const (
	StatusOrderByID         StatusOrder = "id"          // age, as IDs only grow
	StatusOrderByPipelineID StatusOrder = "pipeline_id" // age of the pipeline
)

// A Sort is the direction of an order. The set is open: a word not
// listed here passes through unchanged, and GitLab refuses what it does not
// know.
//
// See https://docs.gitlab.com/api/pipelines/.
type Sort string

const (
	SortAsc  Sort = "asc"  // smallest or oldest first, the default for statuses; [PipelinesService.ListMine] refuses it
	SortDesc Sort = "desc" // largest or newest first, the default for pipelines
)

// A DownloadMode says whether GitLab or its object storage sends artifacts. From GitLab
// 19.4, if its administrator allows the choice. The set is open: a word not listed here
// passes through unchanged, and GitLab refuses what it does not know.
//
// See https://docs.gitlab.com/api/job_artifacts/.
type DownloadMode string

const (
	DownloadModeProxy  DownloadMode = "proxy"  // through GitLab, for readers who cannot reach the storage
	DownloadModeDirect DownloadMode = "direct" // by a redirect to the storage
)

// An EntryType is the kind of an entry in an artifacts archive. The set is open: a word not
// listed here passes through unchanged.
//
// See https://docs.gitlab.com/api/job_artifacts/.
type EntryType string

const (
	EntryTypeFile      EntryType = "file"      // has a size
	EntryTypeDirectory EntryType = "directory" // has a path that ends in a slash, and no size
)

// A RunnerType says which projects' jobs a runner takes. The set is open: a word not listed
// here passes through unchanged.
//
// See https://docs.gitlab.com/api/runners/.
type RunnerType string

const (
	RunnerTypeInstance RunnerType = "instance_type" // those of every project on the server
	RunnerTypeGroup    RunnerType = "group_type"    // those of a group's projects
	RunnerTypeProject  RunnerType = "project_type"  // those of the projects it was given to
)

// A RunnerStatus says how long ago a runner last contacted GitLab: at the time of the
// response, not of the job. The set is open: a word not listed here passes through
// unchanged.
//
// See https://docs.gitlab.com/api/runners/.
type RunnerStatus string

const (
	RunnerStatusOnline         RunnerStatus = "online"          // not long ago
	RunnerStatusOffline        RunnerStatus = "offline"         // some time ago: it may be down
	RunnerStatusStale          RunnerStatus = "stale"           // so long ago that it is probably gone
	RunnerStatusNeverContacted RunnerStatus = "never_contacted" // not once since it was registered
	RunnerStatusPaused         RunnerStatus = "paused"          // deprecated by GitLab; see Paused of the runner
)

// A JobExecutionStatus says whether a runner is running jobs, at the time of the
// response. The set is open: a word not listed here passes through unchanged.
//
// See https://docs.gitlab.com/api/runners/.
type JobExecutionStatus string

const (
	JobExecutionStatusActive JobExecutionStatus = "active" // has at least one job
	JobExecutionStatusIdle   JobExecutionStatus = "idle"   // has none
)

// A TestStatus is how one test ended. The set is open: a word not listed here
// passes through unchanged.
//
// See https://docs.gitlab.com/api/pipelines/.
type TestStatus string

const (
	TestStatusSuccess TestStatus = "success" // passed
	TestStatusFailed  TestStatus = "failed"  // ran, and an assertion failed
	TestStatusSkipped TestStatus = "skipped" // did not run
	TestStatusError   TestStatus = "error"   // could not run to its end
)

// statuses are the known ones.
var statuses = append(slices.Collect(maps.Keys(steps)), StatusSkipped)

// steps are the statuses that a job leaves in one direction only. What is
// skipped can start again, and so can what waits for someone or something.
var steps = map[Status]int{
	StatusCreated: 1, StatusManual: 1, StatusScheduled: 1,
	StatusWaitingForResource: 2, StatusPreparing: 2, StatusWaitingForCallback: 2,
	StatusPending: 3, StatusRunning: 4, StatusCanceling: 5,
	StatusSuccess: 6, StatusFailed: 6, StatusCanceled: 6,
}

// goesBack reports whether no job goes from one status to the other.
func goesBack(from, to Status) bool { return steps[to] > 0 && steps[to] < steps[from] }

// An ArtifactType is the purpose of a file that a job uploaded. "By type" means that
// [OpenOptions.FileType] can select it, from GitLab 19.4. A type marked Gzip is downloaded
// as a gzip file, unless [OpenOptions.Gunzip] is set. The set is open: a word not listed
// here passes through unchanged.
//
// See https://docs.gitlab.com/api/job_artifacts/.
type ArtifactType string

const (
	// What the job's artifacts:paths name. Zip; by type, and the default.
	ArtifactTypeArchive ArtifactType = "archive"
	// GitLab's own index of the archive. Gzip; not by type.
	ArtifactTypeMetadata ArtifactType = "metadata"
	// The log. Raw; not by type.
	ArtifactTypeTrace ArtifactType = "trace"
	// Results of tests, as JUnit writes them. Gzip; by type.
	ArtifactTypeJUnit ArtifactType = "junit"
	// Findings in the source code. Raw; by type.
	ArtifactTypeSAST ArtifactType = "sast"
	// Findings in the dependencies. Raw; by type.
	ArtifactTypeDependencyScanning ArtifactType = "dependency_scanning"
	// Findings in a container image. Raw; by type.
	ArtifactTypeContainerScanning ArtifactType = "container_scanning"
	// Findings in a running application. Raw; by type.
	ArtifactTypeDAST ArtifactType = "dast"
	// Findings about the quality of the code. Raw; by type.
	ArtifactTypeCodeQuality ArtifactType = "codequality"
	// Licenses of the dependencies. Raw; by type.
	ArtifactTypeLicenseScanning ArtifactType = "license_scanning"
	// The older name of browser_performance; GitLab finds each by the name of the other.
	// Raw; by type.
	ArtifactTypePerformance ArtifactType = "performance"
	// How fast pages are in a browser. Raw; by type.
	ArtifactTypeBrowserPerformance ArtifactType = "browser_performance"
	// How a server stands up to load. Raw; by type.
	ArtifactTypeLoadPerformance ArtifactType = "load_performance"
	// Figures of the job's own choice. Gzip; by type.
	ArtifactTypeMetrics ArtifactType = "metrics"
	// Figures the runner gathered about its machine. Gzip; not by type.
	ArtifactTypeMetricsReferee ArtifactType = "metrics_referee"
	// What the runner gathered about network traffic. Gzip; not by type.
	ArtifactTypeNetworkReferee ArtifactType = "network_referee"
	// Where names are defined and used, in LSIF. Zip; by type.
	ArtifactTypeLSIF ArtifactType = "lsif"
	// Where names are defined and used, in SCIP. Zip; by type on the newest
	// servers.
	ArtifactTypeSCIP ArtifactType = "scip"
	// Variables for later jobs. Gzip; by type.
	ArtifactTypeDotenv ArtifactType = "dotenv"
	// Coverage of the tests, as Cobertura writes it. Gzip; by type.
	ArtifactTypeCobertura ArtifactType = "cobertura"
	// Coverage of the tests, as JaCoCo writes it. Gzip; by type.
	ArtifactTypeJaCoCo ArtifactType = "jacoco"
	// What a Terraform plan would change. Raw; not by type.
	ArtifactTypeTerraform ArtifactType = "terraform"
	// How accessible pages are. Raw; by type.
	ArtifactTypeAccessibility ArtifactType = "accessibility"
	// Historic: applications installed in a cluster. Gzip; not by type.
	ArtifactTypeClusterApplications ArtifactType = "cluster_applications"
	// Secrets found in the repository. Raw; by type.
	ArtifactTypeSecretDetection ArtifactType = "secret_detection"
	// Which requirements are met, in the older form. Raw; by type.
	ArtifactTypeRequirements ArtifactType = "requirements"
	// Which requirements are met, in the newer form. Raw; by type.
	ArtifactTypeRequirementsV2 ArtifactType = "requirements_v2"
	// Findings of fuzzing guided by coverage. Raw; not by type.
	ArtifactTypeCoverageFuzzing ArtifactType = "coverage_fuzzing"
	// Findings of fuzzing an API. Raw; by type.
	ArtifactTypeAPIFuzzing ArtifactType = "api_fuzzing"
	// Findings in the images that run in a cluster. Raw; by type.
	ArtifactTypeClusterImageScanning ArtifactType = "cluster_image_scanning"
	// The software's bill of materials, in CycloneDX. Gzip; by type.
	ArtifactTypeCycloneDX ArtifactType = "cyclonedx"
	// Links to show beside the job. Gzip; not by type.
	ArtifactTypeAnnotations ArtifactType = "annotations"
	// Information on the project's libraries for GitLab Duo. Gzip; not by type.
	ArtifactTypeRepositoryXRay ArtifactType = "repository_xray"
	// Findings of any scanner, in SARIF. Raw; by type.
	ArtifactTypeSARIF ArtifactType = "sarif"
)

// Downloadable reports whether GitLab is known to serve files of type t by
// type. It is false for a word not listed here, though a newer server may serve it.
func (t ArtifactType) Downloadable() bool {
	switch t {
	case ArtifactTypeArchive, ArtifactTypeJUnit, ArtifactTypeSAST,
		ArtifactTypeDependencyScanning, ArtifactTypeContainerScanning,
		ArtifactTypeDAST, ArtifactTypeCodeQuality, ArtifactTypeLicenseScanning,
		ArtifactTypePerformance, ArtifactTypeBrowserPerformance,
		ArtifactTypeLoadPerformance, ArtifactTypeMetrics, ArtifactTypeLSIF,
		ArtifactTypeSCIP, ArtifactTypeDotenv, ArtifactTypeCobertura,
		ArtifactTypeJaCoCo, ArtifactTypeAccessibility,
		ArtifactTypeSecretDetection, ArtifactTypeRequirements,
		ArtifactTypeRequirementsV2, ArtifactTypeAPIFuzzing,
		ArtifactTypeClusterImageScanning, ArtifactTypeCycloneDX,
		ArtifactTypeSARIF:
		return true
	default:
		return false
	}
}

// An ArtifactFormat is how GitLab keeps an artifact, and how it is downloaded.
// The set is open: a word not listed here passes through unchanged.
//
// See https://docs.gitlab.com/api/job_artifacts/.
type ArtifactFormat string

const (
	ArtifactFormatRaw  ArtifactFormat = "raw"  // the file as the job wrote it
	ArtifactFormatZip  ArtifactFormat = "zip"  // a zip archive
	ArtifactFormatGzip ArtifactFormat = "gzip" // one or more files, each compressed by gzip
)
