package gitlabci

// An ArtifactType is what a file that a job left behind is for. "By type"
// means that GitLab hands it out instead of the archive when asked for the
// type, from 19.4 on. Gzip is then the file itself, to be unpacked by its
// reader. The set is open: a word not listed here passes through unchanged.
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
	// The older word for browser_performance, and either is found by the other.
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
	// What GitLab Duo is told about the project's libraries. Gzip; not by type.
	ArtifactTypeRepositoryXRay ArtifactType = "repository_xray"
	// Findings of any scanner, in SARIF. Raw; by type.
	ArtifactTypeSARIF ArtifactType = "sarif"
)

// Downloadable reports whether GitLab is known to hand out files of type t by
// type. It is false for a word not listed here, though a newer server may know
// better.
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

// An ArtifactsFile is a job's archive of artifacts.
type ArtifactsFile struct {
	Filename string `json:"filename"`
	Size     int64  `json:"size"` // bytes
}

// A JobArtifact is one of the files a job left behind.
type JobArtifact struct {
	FileType   ArtifactType   `json:"file_type"`
	Size       int64          `json:"size"` // bytes
	Filename   string         `json:"filename"`
	FileFormat ArtifactFormat `json:"file_format,omitzero"`
}
