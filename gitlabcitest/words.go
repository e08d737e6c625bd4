package gitlabcitest

// The words GitLab knows, written out: taken from package gitlabci, a wrong
// one there would be right here.

func statusWords() []string {
	return []string{
		"created", "waiting_for_resource", "preparing", "waiting_for_callback", "pending", "running", "success",
		"failed", "canceling", "canceled", "skipped", "manual", "scheduled",
	}
}

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
