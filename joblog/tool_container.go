package joblog

// Tools that build, push, run and scan containers.
var containerFamily = family{
	facts: []fact{
		{weight: never, starts: []string{
			"#% transferring", "Sending build context to Docker daemon", "DEPRECATED: The legacy builder", "Install the buildx component", "WARNING! Using --password via", "WARNING! Your ",
			"Getting image source signatures", "Copying blob ", "Copying config ", "Writing manifest to image", "Storing signatures", "Trying to pull ", "Login Succeeded",
			"INFO[", "DEBU[", "WARN[", "subprocess exited with status",
		}},
		{
			// The step failed: what it printed says why.
			tool: "docker build", weight: message, starts: []string{"ERROR: failed to solve: process ", "error: failed to solve: process ", "ERROR: failed to build: failed to solve: process ", "ERROR: failed to solve: executor failed", "error: failed to solve: executor failed", "failed to solve: executor failed", "failed to solve: rpc error: code = Unknown desc = executor failed", "failed to solve with frontend dockerfile.v0: failed to build LLB: executor failed", "failed to solve: process ", "executor failed running ["},
			before: []look{{like: `^(?P<file>\S*Dockerfile\S*):(?P<line>\d+)$`, reach: 20, most: 1, do: more}, {like: `^[^\s>-]`, until: `^\s+> \[`, reach: 20, most: 6, do: more}},
		},
		{
			tool: "docker build", weight: message, starts: []string{"ERROR: failed to solve", "error: failed to solve", "ERROR: failed to build: failed to solve", "failed to solve: ", "failed to solve with "}, match: `failed to solve(?: with frontend \S+)?(?:: .*? (?P<file>\S*Dockerfile\S*):(?P<line>\d+)|: dockerfile parse error(?: on)? line (?P<unused>\d+)|)`,
			before: []look{{like: `^\S*Dockerfile\S*:\d+$`, reach: 12, most: 1, do: more}, {like: `^\s+\d+ \| >>> `, reach: 12, most: 1, do: show}},
		},
		{tool: "docker", weight: message, starts: []string{"docker: '", "\"docker "}, match: `^(?:docker: '.*'|"docker .*") (?:requires|is not a docker command)`},
		{weight: never, starts: []string{"Run 'docker", "See 'docker"}},
		{tool: "docker build", weight: consequence, starts: []string{"ERROR: "}, match: `^ERROR: process "`},
		{weight: never, words: []string{"CANCELED"}, match: `^#\d+ CANCELED$`},
		{
			tool: "docker build", weight: consequence, starts: []string{"The command '", "The command \""}, match: `returned a non-zero code: \d+$`,
			before: []look{{like: `.`, until: `^Step \d+/\d+ : `, reach: 5, most: 4, do: show}},
		},
		{tool: "docker build", weight: message, starts: []string{"COPY failed: ", "ADD failed: ", "Error parsing reference", "unable to prepare context", "dockerfile parse error", "Error response from daemon: dockerfile parse error"}},
		{
			tool: "buildah", weight: message, starts: []string{"Error: building at STEP ", "Error: error building at STEP ", "error building at STEP "}, within: 2,
			match:  `building at STEP "(?:RUN|SHELL)`,
			before: []look{{like: `.`, until: `^(?:\[\d+/\d+\] )?STEP \d+`, reach: 6, most: 3, do: more}},
		},
		{tool: "buildah", weight: message, starts: []string{"Error: building at STEP ", "Error: error building at STEP ", "error building at STEP ", "Error: creating build container", "Error: trying to reuse blob", "Error: initializing source", "Error: writing blob", "Error: short-name ", "Error: unable to copy from source", "Error: parsing reference"}},
		{
			tool: "kaniko", weight: message, starts: []string{"error building image: "}, match: `waiting for process to exit`,
			before: []look{{like: `^[^I]|^I[^N]`, until: `^INFO\[\d+\] (?:RUN|Running: )`, reach: 6, most: 5, do: show}},
		},
		{tool: "kaniko", weight: message, starts: []string{"error building image: ", "error pushing image: ", "error checking push permissions", "kaniko should only be run inside"}},

		{
			tool: "docker", weight: message, starts: []string{
				"Error response from daemon: ", "ERROR: Error response from daemon: ", "docker: Error response from daemon", "Cannot connect to the Docker daemon", "ERROR: Cannot connect to the Docker daemon",
				"docker: Cannot connect to the Docker", "error during connect: ", "ERROR: error during connect: ", "denied: ", "unauthorized: ", "no basic auth credentials", "toomanyrequests: ",
				"unable to resolve docker endpoint", "Error: Cannot perform an interactive login", "Got permission denied while trying to connect to the Docker", "permission denied while trying to connect to the Docker",
				"manifest unknown", "the input device is not a TTY", "An image does not exist locally with", "Error saving credentials", "dependency failed to start", "no such service: ", "invalid reference format",
			},
		},
		{
			tool: "compose", weight: message, starts: []string{"The Compose file '"}, match: `is invalid because:$`, within: 6,
			after: []rule{{do: show, most: 4}},
		},
		{tool: "compose", weight: message, words: []string{"depends on undefined service", "which is undefined", "is unhealthy", "not allowed"}, match: `^(?:service "|Service '|Container \S+ .*is unhealthy|container \S+ is unhealthy|validating \S+: )`},
		{tool: "compose", starts: []string{"ERROR: for "}, weight: message},
		{tool: "", weight: message, words: []string{"level=fatal"}, match: `\blevel=fatal msg=`},
		{tool: "", weight: message, starts: []string{"FATA["}},

		{tool: "hadolint", starts: []string{"Dockerfile:"}, match: `^(?P<file>\S*Dockerfile\S*):(?P<line>\d+) (?:DL|SC)\d+ `},
		{
			tool: "trivy", words: []string{"CVE-", "GHSA-"}, match: `[│|]\s*(?:(?P<name>[\w@/.:+-]+)\s+[│|]\s*)?(?:CVE-[\d-]+|GHSA-[\w-]+)\s*[│|]\s*(?:CRITICAL|HIGH|MEDIUM|LOW|UNKNOWN)?`,
		},
		{tool: "trivy", weight: message, words: []string{"FATAL\t"}, match: `^\S*\s*FATAL\t`},
	},
}
