package joblog

// Tools that deploy to clouds, that analyze code on servers, and Nix.
var cloudFamily = family{
	facts: []fact{
		{tool: "aws", weight: message, words: []string{"An error occurred ("}, match: `An error occurred \((?P<name>\w+)\) when calling `},
		{tool: "aws", weight: message, starts: []string{"Unable to locate credentials", "Could not connect to the endpoint URL", "Partial credentials found", "The config profile ", "Waiter "}, match: `^(?:Unable|Could not|Partial|The config profile .* could not be found|Waiter \w+ failed)`},
		{tool: "cloudformation", weight: message, words: []string{"CREATE_FAILED", "UPDATE_FAILED", "ROLLBACK_COMPLETE", "DELETE_FAILED"}, match: `\b(?:CREATE|UPDATE|DELETE)_FAILED\b`},
		{tool: "cdk", weight: message, starts: []string{"❌  "}, match: `^❌\s+\S.*failed: `},
		{
			tool: "pulumi", starts: []string{"error: "}, match: `^\s*error: (?:\d+ errors? occurred:$|Preview failed: |Running program .* failed)`, within: 6,
			after: []rule{{like: `^\s*\* \S`, do: headline, most: 3}, {like: `^\s*(?:error: |Error: )`, do: show, most: 1}},
		},
		{tool: "pulumi", weight: consequence, starts: []string{"error: update failed", "error: preview failed", "error: destroy failed"}},
		{tool: "gcloud", weight: message, starts: []string{"ERROR: (gcloud", "ERROR: gcloud crashed"}, within: 6, after: []rule{{like: `^- '@type'|^\s+`, do: pass}, {like: `^- \S`, do: show, most: 2}}},
		{tool: "az", weight: message, starts: []string{"ERROR: AADSTS", "ERROR: (", "ERROR: Please run 'az login'"}, within: 4, after: []rule{{like: `^(?:Code|Message|Exception Details): `, do: show}}},
		{
			tool: "vault", weight: message, starts: []string{"Error making API request", "Error writing data to ", "Error reading ", "Error authenticating: Error making"}, match: `^Error (?:making API request|writing data to|authenticating|reading \S+: Error making)`, within: 8,
			after: []rule{{like: `^(?:Code: |\* )`, do: show}, {like: `^URL: `, do: more}},
		},

		// Analyzers of GitLab.
		{tool: "analyzer", weight: message, starts: []string{"[FATA]"}},
		{tool: "analyzer", weight: mention, starts: []string{"[ERRO]"}},

		{tool: "sonar", weight: message, words: []string{"QUALITY GATE STATUS: FAILED"}},
		{tool: "sonar", weight: consequence, words: []string{"Error during SonarScanner execution", "EXECUTION FAILURE"}, match: `^(?:[\d:.]+ )?(?:ERROR:? Error during SonarScanner|INFO:?\s+EXECUTION FAILURE)`},
		{weight: never, words: []string{"Total time: ", "Final Memory: "}, match: `^(?:[\d:.]+ )?INFO:?\s+(?:Total time|Final Memory): `},
		{tool: "sonar", weight: message, words: []string{"Not authorized. ", "You're not authorized to ", "SonarQube server [", "You must define the following mandatory"}, match: `^(?:[\d:.]+ )?ERROR`},
		{tool: "grype", weight: message, words: []string{"discovered vulnerabilities at or above the severity threshold"}},

		{
			tool: "nix", weight: message, starts: []string{"error: builder for '", "error: Cannot build '"}, within: 30, blank: pass,
			after: []rule{
				{like: `^\s+(?:last \d+ log lines|Last \d+ log lines|For full logs|Reason:|Output paths:|nix )`, do: pass},
				{like: `^\s+> (?:.*(?:[Ee]rror|[Ff]ail|not found).*)`, do: show, most: 4},
				{like: `^\s+> `, do: more, most: 6},
				{deeper: true, do: pass},
			},
		},
		{tool: "nix", weight: message, starts: []string{"error: attribute '", "error: undefined variable '", "error: hash mismatch", "error: flake '", "error: path '", "error: getting status of"}, within: 8, after: []rule{{like: `at (?P<file>/\S+):(?P<line>\d+):\d+:`, do: show}, {like: `^\s+(?:specified|got): `, do: show}, {deeper: true, do: pass}}},
	},
}
