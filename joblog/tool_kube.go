package joblog

// Kubernetes: kubectl, Helm, kustomize, Argo.
var kubeFamily = family{
	facts: []fact{
		{
			tool: "helm", weight: message, starts: []string{"Error: "}, match: `^Error: (?:.*(?:template:|parse error at|error calling include:|execution error at) \(?(?P<file>[^\s:()]+\.\w+):(?P<line>\d+))`, within: 3,
			after: []rule{{like: `^Use --debug`, do: pass, ends: true}},
		},
		{
			tool: "helm", weight: message, starts: []string{"Error: "}, within: 8,
			match: `^Error: (?:(?:INSTALLATION|UPGRADE|ROLLBACK|UNINSTALL) FAILED: |YAML parse error on |Kubernetes cluster unreachable|values don't meet|.*chart\(s\) failed|Chart\.yaml|repo \S+ not found|no cached repo|found in Chart\.yaml|release: not found|failed to download)`,
			after: []rule{{like: `^Use --debug`, do: pass, ends: true}, {like: `^(?:- |\S+:$)`, do: show}, {deeper: true, do: show}},
		},
		{
			tool: "helm", weight: message, starts: []string{"[ERROR] "}, match: `^\[ERROR\] (?:templates/|Chart\.yaml|values\.yaml|: unable)`,
			before: []look{{like: `^==> Linting `, reach: 6, most: 1, do: show}},
		},
		{tool: "helm", weight: message, starts: []string{"...Unable to get an update from"}, within: 1, after: []rule{{deeper: true, do: show}}},
		{weight: never, place: true, files: []string{".go"}, has: "[debug]", match: `^\w+\.go:\d+: .*\[debug\]`, within: 40, after: []rule{{like: `^(?:INSTALLATION|UPGRADE|ROLLBACK) FAILED$|^[\w./()*-]+$|^\t\S+:\d+$`, do: pass}}},
		{weight: never, starts: []string{"[INFO] Chart.yaml", "[WARNING] templates/", "Use --debug flag"}},

		{
			tool: "kubectl", weight: message, within: 6,
			starts: []string{
				"Error from server", "Unable to connect to the server", "The connection to the server ", "error: You must be logged in", "error: error validating", "error: error parsing",
				"error: unable to ", "error: timed out waiting for", "error: no context exists", "error: the server doesn't have", "error: no objects passed", "error: context ", "error: the path ",
				"error: deployment ", "error: no matching resources", "error: resource mapping not found", "error: accumulating resources", "Error: accumulating resources", "Error: accumulation err",
			},
			after: []rule{{like: `^\s*\* |^ensure CRDs`, do: show}},
		},
		{
			tool: "kubectl", weight: message, starts: []string{"The "}, match: `^The (?P<name>\w+ "[^"]+") is invalid:`, within: 8,
			after: []rule{{like: `^\* `, do: show}},
		},
		{tool: "kubectl", weight: message, words: []string{"command failed"}, match: `^[EF]\d{4} [\d:.]+ +\d+ \S+\.go:\d+\] `},
		{tool: "kubectl", weight: message, words: []string{"ImagePullBackOff", "CrashLoopBackOff", "ErrImagePull", "CreateContainerConfigError", "OOMKilled"}, match: `^\s*\S+\s+\d+/\d+\s+(?:Init:)?(?:ImagePullBackOff|CrashLoopBackOff|ErrImagePull|CreateContainerConfigError|OOMKilled|Error)\s`},
		{weight: never, starts: []string{"Waiting for deployment "}, match: `rollout to finish: `},
		{tool: "kubeconform", words: []string{"is invalid: ", "failed validation"}, match: `^(?P<file>\S+\.ya?ml) - (?P<name>\w+ \S+) (?:is invalid: problem|failed validation: )`},
		{
			tool: "kube-linter", words: []string{"(check: "}, match: `^(?P<file>[^\s:]+): \(object: .*\(check: `,
		},
		{tool: "argocd", weight: message, starts: []string{"{\"level\":\"fatal\"", "FATA["}},
	},
}
