package gitlabcitest

import "cmp"

// The words GitLab knows, written out: taken from package gitlabci, a wrong
// one there would be right here.

func sourceWords() []string {
	return append(danglingSources(),
		"unknown", "push", "web", "trigger", "schedule", "api", "external", "pipeline", "chat",
		"merge_request_event", "external_pull_request_event",
	)
}

// danglingSources are those whose pipelines say nothing about their ref.
func danglingSources() []string {
	return []string{
		"webide", "parent_pipeline", "ondemand_dast_scan", "ondemand_dast_validation",
		"security_orchestration_policy", "container_registry_push", "duo_workflow",
		"pipeline_execution_policy_schedule", "dependency_management_security_update",
	}
}

// policyWords are what the token of a job can be good for in another project.
func policyWords() []string { return []string{"read_pipelines", "admin_pipelines", "read_jobs"} }

// roles are GitLab's words for the roles, in the order in which it lists them. Nobody here is
// a security manager, whose rights a Developer has as well.
var roles = []struct {
	word string
	role Role
}{
	{"guest", RoleGuest}, {"planner", RolePlanner}, {"reporter", RoleReporter}, {"developer", RoleDeveloper},
	{"security_manager", 25}, {"maintainer", RoleMaintainer}, {"owner", RoleOwner},
}

// roleWords are the roles that a role includes.
func roleWords(role Role) []string {
	words := []string{}
	for _, one := range roles {
		if one.role <= role {
			words = append(words, one.word)
		}
	}
	return words
}

// roleWord is the least role for something in a project's settings. Zero is Developer. The
// word for nobody depends on the setting.
func roleWord(role Role, nobody string) string {
	role = cmp.Or(role, RoleDeveloper)
	for _, one := range roles {
		if one.role == role {
			return one.word
		}
	}
	return nobody
}

// A reportFile is how GitLab keeps a report: the format, and the name that
// the format's ending is added to.
type reportFile struct{ format, name string }

// reportFiles are all types of artifacts but the archive, its index and the
// log.
func reportFiles() map[string]reportFile {
	return map[string]reportFile{
		"accessibility":          {"raw", "gl-accessibility.json"},
		"annotations":            {"gzip", "gl-annotations.json"},
		"api_fuzzing":            {"raw", "gl-api-fuzzing-report.json"},
		"browser_performance":    {"raw", "browser-performance.json"},
		"cluster_applications":   {"gzip", "gl-cluster-applications.json"},
		"cluster_image_scanning": {"raw", "gl-cluster-image-scanning-report.json"},
		"cobertura":              {"gzip", "cobertura-coverage.xml"},
		"codequality":            {"raw", "gl-code-quality-report.json"},
		"container_scanning":     {"raw", "gl-container-scanning-report.json"},
		"coverage_fuzzing":       {"raw", "gl-coverage-fuzzing.json"},
		"cyclonedx":              {"gzip", "gl-sbom.cdx.json"},
		"dast":                   {"raw", "gl-dast-report.json"},
		"dependency_scanning":    {"raw", "gl-dependency-scanning-report.json"},
		"dotenv":                 {"gzip", ".env"},
		"jacoco":                 {"gzip", "jacoco-coverage.xml"},
		"junit":                  {"gzip", "junit.xml"},
		"license_scanning":       {"raw", "gl-license-scanning-report.json"},
		"load_performance":       {"raw", "load-performance.json"},
		"lsif":                   {"zip", "lsif.json"},
		"metrics":                {"gzip", "metrics.txt"},
		"metrics_referee":        {"gzip", "metrics-referee.json"},
		"network_referee":        {"gzip", "network-referee.json"},
		"performance":            {"raw", "performance.json"},
		"repository_xray":        {"gzip", "gl-repository-xray.json"},
		"requirements":           {"raw", "requirements.json"},
		"requirements_v2":        {"raw", "requirements_v2.json"},
		"sarif":                  {"raw", "gl-sarif-report.json"},
		"sast":                   {"raw", "gl-sast-report.json"},
		"scip":                   {"zip", "index.scip"},
		"secret_detection":       {"raw", "gl-secret-detection-report.json"},
		"terraform":              {"raw", "tfplan.json"},
	}
}

// downloadableKinds are the types of artifacts that GitLab serves by type.
func downloadableKinds() []string {
	return []string{
		"accessibility", "api_fuzzing", "archive", "browser_performance", "cluster_image_scanning", "cobertura",
		"codequality", "container_scanning", "cyclonedx", "dast", "dependency_scanning", "dotenv", "jacoco", "junit",
		"license_scanning", "load_performance", "lsif", "metrics", "performance", "requirements", "requirements_v2",
		"sarif", "sast", "scip", "secret_detection",
	}
}
