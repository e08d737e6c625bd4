package joblog

import "slices"

// Java and what else runs on its machine: exceptions, compilers, JUnit.
var javaFamily = func() *family {
	return &family{
		facts: []fact{
			{
				tool: "java", starts: []string{"Exception in thread "}, match: `^Exception in thread "[^"]*" (?P<reason>.*)`, within: 400, lastPlace: true,
				after: javaTrace(),
			},
			{tool: "java", starts: []string{"Exception: "}, match: `^Exception: \S+ thrown from the UncaughtExceptionHandler`},
			{
				tool: "groovy", starts: []string{"Caught: "}, match: `^Caught: (?P<reason>[\w.]+.*)`, within: 400, lastPlace: true,
				after: append([]rule{{like: `^(?:[a-z]\w*\.)+[A-Z]\w*`, do: pass, most: 1}}, javaTrace()...),
			},
			{
				tool: "java", weight: message, within: 3, after: []rule{{like: `^Caused by: |^\s+java\.`, do: show}},
				starts: []string{
					"Error: Could not find or load main class", "Error: Unable to access jarfile", "Error: LinkageError occurred", "Error: Main method not found",
					"Error: A JNI error has occurred", "Error: Could not create the Java Virtual Machine", "Error occurred during initialization of VM",
					"Unrecognized VM option", "Unrecognized option: -", "Invalid maximum heap size", "Terminating due to java.lang.OutOfMemoryError", "ERROR: JAVA_HOME ", "The JAVA_HOME environment variable",
				},
			},
			{
				tool: "java", starts: []string{"# A fatal error has been detected by the Java", "# There is insufficient memory for the Java"}, within: 20,
				after: []rule{{like: `^#\s*$`, do: pass}, {like: `^# (?:\s*(?:SIG|EXCEPTION|Out of Memory|Native memory)|Problematic frame|[CJVv] +\[)`, do: show, most: 4}, {like: `^#`, do: pass}},
			},
			{
				tool: "spring", starts: []string{"APPLICATION FAILED TO START"}, match: `^APPLICATION FAILED TO START$`, within: 14, other: show,
				after: []rule{{like: `^\*+$|^Description:$`, do: pass}, {like: `^Action:$`, do: last}},
			},

			{
				tool: "javac", place: true, files: []string{".java", ".groovy", ".scala"}, has: ": error: ", match: `^(?P<file>[^\s:]+):(?P<line>\d+)(?::\d+)?: error: `, within: 12,
				after: javaSource,
			},
			{
				// Gradle before 4.7 puts the error behind the name of the task.
				tool: "javac", words: []string{"error: "}, match: `^:[\w:-]+(?P<file>/\S+\.(?:java|kt|groovy)):(?P<line>\d+)(?::\d+)?: error: `, within: 12,
				after: javaSource,
			},
			{weight: complaint, place: true, files: []string{".java"}, has: ": warning: ", match: `^[^\s:]+:\d+: warning: `, within: 8, after: javaSource},
			{
				tool: "javac", starts: []string{"error: warnings found and -Werror"},
				before: []look{{like: `^(?P<file>[^\s:]+):(?P<line>\d+): warning: `, reach: 20, most: 3, do: show}},
			},
			{
				tool: "javac", weight: message, starts: []string{"error: "}, match: `^error: (?:file not found|invalid (?:source|target|flag)|release version|no source files|Source option|package |cannot access|module not found|.* is not (?:supported|a valid)|error reading)`,
			},
			{
				tool: "groovyc", starts: []string{"org.codehaus.groovy.control.Multiple", "Caused by: org.codehaus.groovy.control.Multiple"}, match: `^(?:Caused by: )?org\.codehaus\.groovy\.control\.MultipleCompilationErrorsException`, head: more, within: 12,
				after: []rule{
					{like: `^\d+ errors?$|^\s+at `, do: last},
					{like: `^(?P<file>[^\s:]+|\S.*\.\w+): ?(?P<line>\d+): `, do: headline},
					{do: more},
				},
			},
			{
				tool: "scalac", starts: []string{"[error] "}, match: `^\[error\] (?:-- (?:\[\w+\] )?[\w ]*Error: )?(?P<file>[^\s:]+\.(?:scala|java|sbt)):(?P<line>\d+)`, within: 6,
				after: []rule{{like: `^\[error\] (?:-- |\S+\.\w+:\d+)`, do: stop}, {like: `^\[error\]\s+\^`, do: pass, ends: true}, {like: `^\[error\] +(?:found|required|\|)`, do: show}, {like: `^\[error\] `, do: more}},
			},
			{tool: "sbt", weight: consequence, starts: []string{"[error] ("}},
			{
				tool: "scalatest", words: []string{"*** FAILED ***"}, match: `^(?:\[info\] )?\s*-? ?(?P<name>\S.*?) \*\*\* FAILED \*\*\*`, within: 4,
				after: []rule{{like: `^(?:\[info\] )?\s*- `, do: stop}, {like: `\((?P<file>[\w.]+\.scala):(?P<line>\d+)\)$`, do: show}, {like: `^(?:\[info\] )?\s{2,}`, do: show, most: 2}},
			},

			{
				tool: "checkstyle", starts: []string{"[ERROR] ", "[ant:checkstyle] [ERROR] ", "[WARN] ", "[ant:checkstyle] [WARN] "},
				match: `^(?:\[ant:checkstyle\] )?\[(?:ERROR|WARN)\] (?P<file>\S+\.\w+):\[?(?P<line>\d+)(?:[:,]\d+)?\]?:? (?:\(\w+\) |.* \[\w+\]$)`,
			},
			{tool: "checkstyle", weight: consequence, starts: []string{"Checkstyle ends with "}},
			{tool: "pmd", starts: []string{"[INFO] PMD Failure: ", "[WARNING] PMD Failure: "}, match: `PMD Failure: (?P<file>\S+):(?P<line>\d+) `},
			{tool: "spotbugs", starts: []string{"[ERROR] "}, match: `^\[ERROR\] (?:High|Medium|Low): .* At (?P<file>[\w.]+):\[lines? (?P<line>\d+)`},

			{weight: never, sets: "junit", starts: []string{"There was # failure", "There were # failures", "There was ", "There were "}, match: `^There (?:was|were) \d+ failures?:$`},
			{
				tool: "junit", needs: "junit", starts: []string{"#) "}, match: `^\d+\) (?P<name>\S+\(\S+\))$`, within: 400, lastPlace: true,
				after: slices.Concat([]rule{{like: `^\d+\) |^FAILURES!!!`, do: stop}}, javaTrace(), []rule{{do: show, most: 2}, {do: pass}}),
			},
			{
				tool: "junit", starts: []string{"JUnit Jupiter:", "JUnit Vintage:", "JUnit Platform Suite:", "Spek", "Kotest"}, match: `^\s+(?:JUnit [\w ]+|Spek\w*|Kotest):(?P<name>\S.*)$`, within: 60, blank: last,
				after: slices.Concat([]rule{{like: `^\s+JUnit [\w ]+:\S`, do: stop}, {like: `^\s+\w+Source \[`, do: pass}, {like: `^\s+=> (?P<reason>.*)`, do: headline, most: 1}, {like: `^\t`, do: show, most: 2}}, javaTrace(), []rule{{do: pass}}),
			},
			{weight: never, starts: []string{"├─ ", "└─ ", "+-- ", "'-- "}, match: ` (?:[✔✘↷]|\[(?:OK|X|S)\])(?: |$)`}, // of JUnit's tree, whose failures are listed again
			{
				tool: "junit", starts: []string{"FAILED", "Caused an ERROR"}, match: `^\s+(?:FAILED|Caused an ERROR)$`, head: more, within: 60, blank: last, lastPlace: true,
				before: []look{{like: `^Testcase: (?P<name>.+) took `, reach: 1, most: 1, do: headline}},
				after:  slices.Concat(javaTrace(), []rule{{do: show, most: 1}, {like: javaException, do: pass}, {do: more, most: 2}}),
			},
			{
				tool: "testng", starts: []string{"FAILED: "}, match: `^FAILED: (?P<name>[A-Za-z_]\w*)(?:\(.*\))?$`, within: 60, lastPlace: true,
				after: append([]rule{{like: `^(?:PASSED|FAILED|SKIPPED|=====)`, do: stop}, {like: javaException, do: show, most: 1}}, javaTrace()...),
			},

			{weight: consequence, starts: []string{"# error", "# test"}, match: `^[1-9]\d* (?:errors?|tests completed, \d+ failed.*)$`},
			{weight: consequence, starts: []string{"FAILURES!!!"}},
			{weight: consequence, words: []string{"errors found", "error found"}, match: `^(?:[a-mo-z]\w*|[1-9]\d*) errors? found$`}, // of scalac
			{weight: never, starts: []string{"use --help for a list of possible options", "[         #", "[        #", "[       #"}},
		},
		harmless: []string{
			`^\[(?:INFO|DEBUG|TRACE|WARN|WARNING)\]`,
			`^(?:\S+ ){0,3}(?:INFO|DEBUG|TRACE|WARN) `,
			`^WARNING: `,
		},
	}
}

// javaLogFamily() comes after the others: exceptions of other languages look like Java's.
var javaLogFamily = func() *family {
	return &family{
		facts: []fact{
			{
				// A trace that is logged. The program may have continued.
				tool: "java", weight: mention, words: []string{"Exception", "Error", "Throwable"}, match: javaException, confirm: `^\s+at |^\s*Caused by: `, within: 400, lastPlace: true,
				after: javaTrace(),
			},
		},
	}
}

const (
	javaException = `^\s*(?:[a-z_]\w*\.)+[A-Z][\w$]*(?:Exception|Error|Failure|Throwable)\b[^(]*(?:: |$)`

	// javaLibrary is a frame of a library, of a runner of tests, or of a build.
	javaLibrary = `^\s+(?:at )?(?:[\w.@-]*/{1,2})?(?:java|javax|jdk|sun|com\.sun|kotlin|kotlinx|scala|groovy|org\.codehaus|org\.junit|junit|org\.hamcrest|org\.assertj|` +
		`org\.opentest4j|org\.mockito|org\.testng|org\.gradle|org\.apache|org\.springframework|org\.hibernate|org\.eclipse|io\.netty|reactor|worker|akka|com\.intellij)\.`

	javaFrame = `^\s+(?:at )?[^\s(].*\((?P<file>[\w$]+\.(?:java|kts?|scala|groovy|gradle)):(?P<line>\d+)\)`
)

// javaTrace() are the lines behind an exception.
var javaTrace = func() []rule {
	return traceRules(6)
}

// traceRules are for a trace with so many causes.
func traceRules(causes int) []rule {
	rules := []rule{
		{like: javaLibrary, do: pass},
		{like: javaFrame, do: more, most: 1},
		{like: `^\s+at |^\s+\.\.\. \d+ |^\s+\[\.\.\.\]|^\s+Suppressed: |\(\S+\.java:\d+\)$`, do: pass},
	}
	if causes > 0 {
		rules = append(rules, rule{like: `^\s*Caused by: (?P<reason>.*)`, do: show, then: traceRules(causes - 1), thenWithin: 400})
	}
	return rules
}

// javaSource is what a compiler quotes and explains.
var javaSource = []rule{
	{like: `^\S+:\d+(?::\d+)?: |^\d+ (?:errors?|warnings?)$|^Note: `, do: stop},
	{like: `^\s+(?:symbol|location|found|required)\s*: `, do: show},
	{like: `^\s*\^`, do: pass},
	{like: `^\s`, do: more, most: 1},
	{like: `^\s`, do: pass},
}
