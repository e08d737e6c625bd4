package joblog

// Lines of the runner, and of others that download and install.
var runnerFamily = family{
	facts: []fact{
		{weight: never, starts: []string{
			"Using docker image sha256:", "Using effective pull policy", "Authenticating with credentials from", "Pulling docker image ",
			"Running on ", "Fetching changes", "Initialized empty Git repository", "Reinitialized existing Git repository",
			"Created fresh repository.", "Checking out ", "Skipping Git submodules setup", "Updating/initializing submodules",
			"Skipping object checkout", "Cloning into '", "HEAD is now at ", "Removing ", "Submodule '", "Submodule path '",
			"Starting service ", "Waiting for services to be up and running", "Waiting for pod ", "ContainersNotReady: ",
			"Using Kubernetes ", "Using FF_", "ERROR: Failed to remove network for build", "ERROR: Failed to cleanup volumes", "Using attach strategy", "Using Shell ", "Using Docker ", "Preparing the \"", "Preparing environment", "Getting source from ",
			"Checking cache for ", "Restoring cache", "Successfully extracted cache", "No URL provided, cache will not be downloaded",
			"Failed to extract cache", "ERROR: No files to upload", "WARNING: Event retrieved from the cluster",
			"WARNING: after_script failed", "WARNING: Error while executing file based variables removal script", "Gitaly correlation ID: ", "Executing \"step_", "section_start:1", "section_end:1", "ERROR: Preparation failed: ", "Will be retried in ",
			"Please make sure you have the correct access rights", "and the repository exists.", "WARNING: Failed to pull image with policy", "WARNING: Cache file does not exist", "Downloading artifacts for ",
		}},
		{
			tool: "runner", weight: message,
			starts: []string{"Unschedulable: ", "ERROR: Uploading artifacts as ", "ERROR: Downloading artifacts from coordinator", "ERROR: request cancelled"},
			within: 1, after: []rule{{like: `^FATAL: `, do: more}},
		},
		{tool: "runner", weight: message, starts: []string{"Job's log exceeded limit of "}, before: []look{{reach: 4, most: 4, do: more}}},
		{weight: never, starts: []string{"Job execution will continue but no more output", "WARNING: Uploading artifacts as "}},
		{weight: never, words: []string{"no matching files. Ensure that the artifact path"}},
	},
}
