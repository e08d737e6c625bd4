package joblog

// Terraform, OpenTofu, and what checks and runs them.
var terraformFamily = func() *family {
	return &family{
		facts: []fact{
			// A box is drawn around each message, unless colors are off.
			{weight: never, sets: "box", starts: []string{"╷"}, match: `^╷$`},
			{weight: never, sets: "terraform", starts: []string{
				"Initializing the backend", "Initializing provider plugins", "Initializing modules", "Terraform has been successfully", "OpenTofu has been successfully",
				"Terraform used the selected providers", "OpenTofu used the selected providers", "Terraform planned the following", "Terraform will perform", "Refreshing state...", "Acquiring state lock",
				"There are some problems with the CLI configuration",
			}},
			{
				tool: "tflint", words: []string{"issue(s) found"}, weight: never, sets: "tflint",
			},
			{
				tool: "tflint", needs: "tflint", starts: []string{"Error: ", "Warning: ", "Notice: "}, match: `^(?:Error|Warning|Notice): .*\(\w+\)$`, within: 8,
				after: []rule{{like: `^\s+on (?P<file>\S+) line (?P<line>\d+)`, do: show}, {like: `^\s+\d+: `, do: more}, {like: `^(?:Error|Warning|Notice|Reference): `, do: stop}, {do: stop}},
			},
			{tool: "terraform", weight: consequence, starts: []string{"Error: "}, match: `^Error: (?:Terraform|OpenTofu) encountered problems during|^Error: Failed to initiali[sz]e`},
			{tool: "terraform", weight: consequence, starts: []string{"There are some problems with the configuration"}},
			{tool: "terraform", needs: "box", starts: []string{"Error: "}, within: 40, after: terraformRules, blank: pass},
			{tool: "terraform", needs: "terraform", starts: []string{"Error: "}, within: 40, after: terraformRules},
			{
				// If neither a box nor a line before says whose error it is.
				tool: "terraform", starts: []string{"on "}, match: `^\s+on (?P<file>\S+\.(?:tf|tfvars|hcl|tofu)) line (?P<line>\d+)`, head: show, within: 40, after: terraformRules,
				before: []look{{like: `^Error: `, reach: 2, most: 1, do: headline}},
			},
			{weight: never, starts: []string{"Warning: "}, match: `^Warning: [A-Z]`, within: 6, after: []rule{{like: `^\s+(?:on|with) |^\s+\d+: `, do: pass}}},
			{
				tool: "terraform fmt", weight: message, starts: []string{"--- old/"}, match: `^--- old/(?P<file>\S+)`, within: 12,
				after: []rule{{like: `^--- old/`, do: stop}, {like: `^(?:\+\+\+ new/|@@ | |$)`, do: pass}, {like: `^[-+]`, do: more, most: 3}, {like: `^[-+]`, do: pass}},
			},
			{
				tool: "checkov", starts: []string{"FAILED for resource: "}, within: 4,
				before: []look{{like: `^Check: (?P<name>\w+): `, reach: 1, most: 1, do: headline}},
				after:  []rule{{like: `^\s+File: (?P<file>[^:]+):(?P<line>\d+)`, do: show}, {deeper: true, do: pass}},
			},
			{tool: "terragrunt", weight: message, starts: []string{"ERRO["}},
		},
		harmless: []string{`: Still (?:creating|destroying|modifying)\.\.\.`, `^\s*[-+~] `},
	}
}

// terraformRules are for what follows the first line of a message: where it is, a part of
// the source, the values in it, and what is wrong.
var terraformRules = []rule{
	{like: `^╵|^(?:Error|Warning): |^section_end`, do: stop},
	{like: `^\s+on (?P<file>\S+) line (?P<line>\d+)`, do: show},
	{like: `^\s+with [^ ]+,$`, do: more},
	{like: `^\s+\d+: `, do: more, most: 2},
	{like: `^\s+[├│╵─]─*(?: (?:var|local|each|data|module|path)\.\S+ is )`, do: more, most: 2},
	{like: `^\s+[├│]`, do: pass},
	{like: `^(?:To see which|If you |For more|Use a -var|This was checked by)`, do: last},
	{like: `^\S`, do: show, most: 6},
	{like: `^\s+\S`, do: more, most: 2},
	{do: pass},
}
