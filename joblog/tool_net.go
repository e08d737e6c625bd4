package joblog

// Git, and what fetches and sends files.
var netFamily = family{
	facts: []fact{
		{weight: never, starts: []string{"hint: ", "From https://", "From ssh://", "warning: redirecting to", "remote: ===", "remote: Compressing", "remote: Total "}},
		{
			// Why the server refused a push comes before it.
			tool: "git", starts: []string{"! [rejected]", "! [remote rejected]", "! [remote failure]"},
			before: []look{{like: `^remote: (?:.*\pL)`, until: `^remote: (?:Enumerating|Counting|Resolving|Processing)`, reach: 14, most: 4, do: show}},
		},
		{tool: "git", weight: consequence, starts: []string{"error: failed to push", "Automatic merge failed", "Automatic cherry-pick failed", "Could not apply ", "Patch failed at "}},
		{tool: "git", starts: []string{"CONFLICT ("}, match: `^CONFLICT \([^)]+\): .*?(?:in (?P<file>\S+))?$`},
		{tool: "git", weight: message, starts: []string{"*** Please tell me who you are"}},
		{
			tool: "git", weight: message, starts: []string{"error: "}, within: 6,
			match: `^error: (?:pathspec|RPC failed|object file|patch failed|src refspec|cannot lock ref|Your local changes|The following untracked|unable to (?:create|read|write|unlink|access|push)|remote |insufficient permission|some local refs|could not apply|.* does not apply|.*: needs merge|no such remote|Entry |invalid object|[Mm]erging is not possible|cannot rebase|corrupt patch|gpg |failed to |commit is not possible|bad signature|key )`,
			after: []rule{{like: `^\t`, do: show, most: 3}},
		},
		{tool: "git", weight: message, starts: []string{"fatal: "}, before: []look{{like: `^(?:remote: (?:.*\pL)|git@.*Permission denied|.*Host key verification failed)`, until: `^remote: (?:Enumerating|Counting|Resolving)`, reach: 4, most: 3, do: show}}},
		{tool: "git", weight: message, starts: []string{"remote: ERROR", "remote: HTTP Basic", "remote: The project you were", "remote: Repository not found", "remote: Permission to "}},
		{tool: "git", weight: message, starts: []string{"Error downloading object: ", "batch response: ", "LFS: "}},

		{tool: "curl", weight: message, starts: []string{"curl: ("}},
		{
			// The address is where the request began, many lines before after redirects.
			tool: "wget", weight: message, starts: []string{"ERROR 4", "ERROR 5"}, match: `^ERROR [45]\d\d: `,
			before: []look{{like: `^--[\d -]+[\d:]+--  `, reach: 6, most: 1, do: show}},
		},
		{tool: "wget", weight: message, starts: []string{"wget: "}, match: `^wget: (?:unable|server returned|bad |can't|error|download|note)`},
		{tool: "wget", weight: message, starts: []string{"Connecting to ", "Resolving "}, match: `\bfailed: .+\.$`},

		{tool: "ssh", weight: message, starts: []string{"ssh: ", "kex_exchange_identification: ", "ssh_exchange_identification: ", "Host key verification failed", "ssh_dispatch_run_fatal", "client_loop: ", "Load key ", "Error loading key ", "Received disconnect from ", "Connection closed by ", "Connection reset by ", "Connection timed out during banner"}},
		{tool: "ssh", weight: message, words: []string{"Permission denied (publickey", "Permission denied (password", "Permission denied, please try"}},
		{tool: "ssh", weight: consequence, starts: []string{"scp: Connection closed", "lost connection", "Could not chdir to home", "rsync: connection unexpectedly closed", "rsync error: "}},
		{tool: "scp", weight: message, starts: []string{"scp: ", "rsync: ", "sftp: "}},

		{tool: "tar", weight: consequence, starts: []string{"tar: Child returned status", "tar: Error is not recoverable", "tar: Exiting with failure status"}},
		{tool: "unzip", weight: message, starts: []string{"End-of-central-directory signature not found"}},
		{tool: "tar", weight: message, starts: []string{"tar: ", "gzip: ", "unzip: ", "bzip2: ", "xz: "}, match: `^\w+: .*(?:Cannot|not in|invalid|unexpected|does not look|cannot find|corrupt|No such|format not recognized)`},
	},
}
