package joblog

// Maven and Ant.
var mavenFamily = func() *family {
	return &family{
		facts: []fact{
			{weight: never, starts: []string{"[ERROR]"}, match: `^\[ERROR\]$`},
			{weight: never, starts: []string{
				"[ERROR] To see the full stack trace", "[ERROR] Re-run Maven using", "[ERROR] For more information about the errors", "[ERROR] [Help #", "[ERROR] [Help ",
				"[ERROR] After correcting the problems", "[ERROR]   mvn <args>", "[ERROR]   mvn -rf", "[ERROR] -> [Help ", "[ERROR] Please refer to ", "[ERROR] COMPILATION ERROR", "[ERROR] See ", "[ERROR] Command was",
				"Downloading from ", "Downloaded from ", "[INFO] Downloading", "[INFO] Downloaded",
			}},
			{weight: never, starts: []string{"[ERROR] \tat ", "[ERROR]     at "}},
			{weight: never, needs: "listed again", starts: []string{"[ERROR] /", "[ERROR]   symbol", "[ERROR]   location", "[ERROR]   found", "[ERROR]   required"}},
			{
				tool: "maven", sets: "javac", starts: []string{"[ERROR] "}, match: `^\[ERROR\] (?P<name>(?P<file>(?:/|[A-Za-z]:)\S.*?\.\w+):\[(?P<line>\d+),\d+\] .*)`, within: 8,
				after: []rule{{like: `^(?:\[ERROR\])?\s+(?:symbol|location|found|required|reason)\s*: `, do: show}, {like: `^\s`, do: more, most: 2}},
			},
			{
				tool: "maven", starts: []string{"[ERROR] "}, match: `^\[ERROR\] (?P<name>(?P<file>(?:file://|/|[A-Za-z]:)\S*?\.(?:kts?|scala|groovy)):? ?[\[(:]?(?P<line>\d+)[:,] ?\d+[\])]?:? .*)`,
			},
			{
				tool: "surefire", sets: "surefire", words: []string{"<<< FAILURE!", "<<< ERROR!"}, match: `^(?:\[ERROR\] )?(?P<name>(?:[^T\s]|T[^e\s]|Te[^s\s])\S*.*?|Tests?[A-Z_]\S*)(?: --)?\s+Time elapsed: .* <<< (?:FAILURE|ERROR)!`,
				within: 400, lastPlace: true, blank: last,
				after: append([]rule{{like: `^\[(?:ERROR|INFO|WARNING)\]|<<< `, do: stop}, {like: javaException, do: show, most: 1}}, append(javaTrace(), rule{do: show, most: 3}, rule{do: pass})...),
			},
			{tool: "surefire", weight: consequence, words: []string{"<<< FAILURE!", "<<< ERROR!"}, match: `^(?:\[ERROR\] )?Tests run: `},
			{weight: never, sets: "results", starts: []string{"[ERROR] Failures:", "[ERROR] Errors:", "Failed tests:", "Tests in error:"}, match: `^(?:\[ERROR\] (?:Failures|Errors)|Failed tests|Tests in error): *$`},
			{weight: never, needs: "surefire", starts: []string{"[ERROR]   "}},
			{
				tool: "surefire", needs: "results", starts: []string{"[ERROR]   "}, match: `^\[ERROR\]   (?P<name>\S+?):?(?P<line>\d+)?(?:->\S+)? .*`, within: 3,
				after: []rule{{like: `^(?:\[|$)`, do: stop}, {do: show, most: 2}},
			},
			{tool: "surefire", weight: consequence, starts: []string{"[ERROR] Tests run: ", "Tests run: "}},
			{
				tool: "surefire", weight: message, starts: []string{"[ERROR] The forked VM terminated", "[ERROR] ExecutionException The forked VM", "[ERROR] There was an error in the forked process", "[ERROR] Crashed tests:"}, within: 8, other: pass,
				after: []rule{{like: `^\[ERROR\] Crashed tests:`, do: more, then: []rule{{like: `^\[ERROR\] \S+$`, do: headline, ends: true}}, thenWithin: 1}, {like: `^\[ERROR\] (?:\S+\.)+\w*Exception: |^\[ERROR\] \s*at `, do: last}, {like: `^\[ERROR\] Process Exit Code`, do: show, most: 1}},
			},
			{
				tool: "maven-enforcer", weight: message, starts: []string{"[ERROR] Rule #", "[ERROR] Rule ", "[WARNING] Rule "}, match: `^\[(?:ERROR|WARNING)\] Rule \d+: \S+ failed with message`, head: more, within: 4,
				after: []rule{{like: `^\[ERROR\] (?:Rule|Failed|-> )|^\[INFO\]|^\[ERROR\]$`, do: stop}, {do: headline, most: 3}},
			},
			{tool: "jacoco", weight: message, words: []string{"Rule violated for "}, match: `^(?:\[\w+\] |> |\s*)*Rule violated for `},
			{
				tool: "maven", weight: message, starts: []string{"[FATAL] ", "[ERROR] Non-"}, match: `(?:POM (?P<file>\S+\.xml): )?.*?(?: @ line (?P<line>\d+).*)?$`,
			},
			{tool: "maven", weight: message, starts: []string{"[ERROR] '", "[ERROR]     '"}, match: `^\[ERROR\]\s+'[\w.]+' .*@ .*line (?P<line>\d+)`},
			{
				tool: "maven", weight: message, starts: []string{"[ERROR]   The project "}, match: `^\[ERROR\]   The project \S* ?\((?P<file>[^)]+)\) has \d+ error`, head: show, within: 10,
				after: []rule{{like: `^\[ERROR\]     `, do: headline, most: 5}},
			},
			{weight: consequence, starts: []string{"[ERROR] The build could not read", "[ERROR] Some problems were encountered", "[ERROR] [ERROR] Some problems", "[INFO] BUILD FAILURE", "[ERROR] BUILD FAILURE"}},
			{tool: "maven", weight: consequence, needs: "javac", sets: "listed again", starts: []string{"[ERROR] Failed to execute goal "}, match: `: Compilation failure`},
			{
				tool: "maven", weight: consequence, starts: []string{"[ERROR] Failed to execute goal "},
				match: `(?:Compilation failure|Compilation failed|There (?:are|were) test failures|Some Enforcer rules have failed|You have \d+ (?:Checkstyle|PMD|CPD) |Coverage checks have not been met|failed with \d+ bugs|ExecutionException The forked VM|There was an error in the forked process)`,
			},
			{
				tool: "maven", weight: message, starts: []string{"[ERROR] "}, match: `^\[ERROR\] (?:Failed to execute goal|.* -> \[Help \d+\]$)`, within: 200,
				after: []rule{{like: javaException + `|^\s*Caused by: |^\s+(?:at |\.\.\. )`, do: pass}},
			},

			{
				tool: "ant", weight: message, starts: []string{"BUILD FAILED"}, match: `^BUILD FAILED$`, head: show, within: 12,
				after: []rule{
					{like: `^Total time: `, do: last},
					{like: `^\s*(?P<file>\S+\.xml):(?P<line>\d+): (?:The following error|Compile failed; see)`, do: more},
					{like: `^\s*(?P<file>\S+\.xml):(?P<line>\d+): `, do: headline},
					{like: `^\s+at `, do: pass},
					{do: headline, most: 3},
				},
			},
		},
	}
}
