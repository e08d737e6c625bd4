package joblog

// Gradle, with Kotlin and Android.
var gradleFamily = func() *family {
	return &family{
		facts: []fact{
			{weight: never, starts: []string{"WARNING: A terminally deprecated method", "WARNING: System::setSecurityManager", "WARNING: Please consider reporting this to", "[Incubating] Problems report", "> IDLE", "<-------------> ", "<====", "Download https://", "Downloading https://services.gradle.org", ".............#%", "> Configure project", "> Run with --", "> Get more help at", "Run with --", "* Get more help", "# actionable task"}},
			{
				tool: "gradle test", words: []string{"FAILED"}, match: `^\s*(?P<name>[^\s>].* > .+?) FAILED$`, within: 200, lastPlace: true, blank: last,
				after: append([]rule{
					{like: `^\S`, do: stop},
					{like: ` at (?P<file>[\w$]+\.\w+):(?P<line>\d+)$`, do: show},
					{like: javaException, do: show, most: 1},
				}, append(javaTrace(), rule{like: `^\s+Caused by: `, do: show}, rule{do: show, most: 3}, rule{do: pass})...),
			},
			{tool: "gradle", weight: consequence, starts: []string{"> Task :", "FAILURE: Build ", "BUILD FAILED in "}, match: `^(?:> Task :\S+ FAILED$|FAILURE: |BUILD FAILED)`},
			{weight: never, starts: []string{"> Task :"}},
			{tool: "gradle", weight: consequence, words: []string{"FAILED"}, match: `^:[\w:-]+ FAILED$`},
			{
				tool: "gradle", weight: message, starts: []string{"* What went wrong:"}, head: pass, within: 60,
				before: []look{{like: `^(?:Build|Settings|Script|Initialization script|Precompiled script).* '(?P<file>[^']+)' line: (?P<line>\d+)`, reach: 2, most: 1, do: show}},
				after: []rule{
					{like: `^\* (?:Try|Exception is|Get more help|Where):|^={10,}|^BUILD FAILED`, do: last},
					{like: `^Execution failed for task |^A problem occurred (?:evaluating|configuring)|^Could not (?:determine the dependencies|resolve all|compile)|^Compilation failed; see`, do: show},
					{like: `^\s*(?:> )+(?:Compilation failed; see|There were failing tests|Compilation error\. See|Process '.*' finished with non-zero|A failure occurred while executing)`, do: more},
					{like: `^\s*> (?:There were|Run with|\d+ more)`, do: pass},
					{like: `^\s*(?:> )+\S`, do: headline, most: 6},
					{like: `^\S`, do: headline, most: 4},
					{like: `^\s+(?:Searched in|Required by|If the artifact|For more information)`, do: pass},
					{like: `^\s+(?:- |project :|https?:|file:)`, do: pass},
					{like: `^\s+\^|^\s*\d+ errors?$`, do: pass},
					{like: `^\s+(?:build|settings|script|\S*) ?file '?(?P<file>[^':]+)'?: (?P<line>\d+): `, do: headline, most: 2},
					{do: more, most: 4},
					{do: pass},
				},
			},
			{tool: "kotlinc", starts: []string{"e: /", "e: f", "e: C:"}, match: `^e: (?:file://)?(?P<file>\S+?\.\w+):(?: \()?(?P<line>\d+)[:,] ?\d+\)?:? `},
			{tool: "kotlinc", weight: message, starts: []string{"e: "}, match: `^e: \S`},
			{weight: never, starts: []string{"w: "}, match: `^w: `},
			{tool: "android lint", place: true, files: []string{".kt", ".java", ".xml", ".gradle", ".kts", ".toml"}, has: ": Error: ", match: `^(?P<file>[^\s:]+):(?P<line>\d+): Error: `},
			{tool: "aapt", starts: []string{"ERROR:/", "ERROR: /"}, match: `^ERROR: ?(?P<file>/[^\s:]+):(?P<line>\d+)(?::\d+)?: `},
			{tool: "gradle", weight: message, starts: []string{"Could not find or load main class org.gradle", "ERROR: JAVA_HOME", "Exception in thread \"main\" java.net.UnknownHostException: services.gradle.org"}},
		},
	}
}
