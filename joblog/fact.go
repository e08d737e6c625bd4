package joblog

// A family is what joblog knows of some tools that belong together. Each is in a
// file of its own, tool_NAME.go, and is listed in families.
//
// # How to add to a family
//
// Take a real log of the failure, put it into testdata, and write into keys.tsv what a
// person would point to. Then add a [fact], a row of the table:
//
//  1. Which line opens the failure? Name it by a literal: in starts if the line begins
//     with it, in words if it is further inside, where a word begins. Starts have three
//     bytes or more, words four. A line's indent does not count, nor does the prefix of a
//     container or a wrapper ("│ ", "#12 0.345 ", "web-1  | ", "api:test: "); the number at
//     the beginning of a line is written #, as in "#) " for "12) ". A line that begins with
//     a file and a line number needs no literal: set place, and files or another property of
//     the line. Literals are cheap, and are all that most lines are compared with.
//  2. Is the literal not enough? Add match, a pattern for the whole line with its indent:
//     write ^\s* if the line may have one. It is only tried where a literal was found. Its
//     groups file, line and name say where the failure is, and which test has failed, and
//     reason is what went wrong, if that is not the whole line. Two facts of a tool with one
//     name, such as the detail of a test and its row in the list at the end, become one
//     cause.
//  3. Which lines explain it? Write rules for the lines that follow, in after, and for
//     those that came before, in before. Headline shows a line before all others, show if it
//     can, more if there is room, and pass leaves it out. Stop ends the failure before the
//     line, which is then treated like any other. Deny takes the failure back. A line that
//     no rule matches is handled as other says; its default is stop. The field within says
//     how many lines the failure may span. A rule with consequence makes the failure a
//     consequence, as that of a group of tests is of a test in it. A weak rule leaves a line
//     to the fact that it opens: a tool that runs others shows their output, unless it is
//     known.
//  4. How much is it worth? A failed test, a compiler's error and an uncaught exception
//     are strong, the default. A tool's own message of what is wrong is a message: it counts
//     as much, but the script's last line is shown too if it is another. "make: *** Error 1"
//     is a consequence: the lines before it have the reason. A line that only looks like an
//     error, such as that of a passing test, is never shown, nor are the lines that its
//     rules match. If tests write before it is known whether they failed, the line that
//     names one opens a pending failure, and the failure with its name continues it.
//
// Then run the tests, and look at what is shown:
//
//	go run ./tools/joblogscore -v joblog/testdata/corpus/node
//
// A pattern sees no more than 1 KiB of a line, and is tried on no more than a few of
// its places, so that no log can make it slow.
type family struct {
	facts []fact

	// harmless are patterns of lines that speak of an error and are none. They are
	// tried on lines that have nothing but such a word.
	harmless []string
}

// families returns all of them. The first fact that knows a line decides. Tables that use
// others are functions: so a program that reads no log is linked without any.
func families() []*family {
	return []*family{
		&runnerFamily, javaFamily(), mavenFamily(), gradleFamily(), dotnetFamily(), &appleFamily, terraformFamily(), ansibleFamily(), &kubeFamily, &containerFamily, &cloudFamily, dataFamily(),
		goTestFamily(), &goFamily, pytestFamily(), &pylintFamily, pythonFamily(), rubyFamily(), phpFamily(),
		tapFamily(), &perlFamily, &beamFamily, &haskellFamily, &auditFamily, nodeFamily(), jsTestFamily(), jsLintFamily(), jsBuildFamily(),
		&netFamily, &packagesFamily, rustFamily(), &embeddedFamily, nativeFamily(), buildFamily(), compilerFamily(), &shellFamily, &commonFamily, javaLogFamily(),
	}
}

// A fact is one kind of failure, as a tool prints it. See [family].
type fact struct {
	tool   string
	weight weight

	starts []string // the line begins with one of them,
	words  []string // or one of them is in it where a word begins,
	place  bool     // or it begins with a file, and a colon or bracket before a number
	files  []string // the file's name has one of these endings, if there are any
	has    string   // and the line has this in it, which is cheaper to see than by a pattern
	fold   bool     // starts and words in lower case stand for those in any case
	match  string

	// A fact that needs a mark only counts after one that sets it, in the output of
	// the same command.
	needs, sets string

	head   action // how the opening line is shown; headline unless it is set
	before []look
	after  []rule
	other  action // for a line that no rule matches; stop unless it is set
	blank  action // the same for a blank line; it is passed unless it is set to last
	within int    // how many lines may follow; if 0, none do

	// confirm is a pattern. Unless a line that follows matches it, the failure is no
	// more than a mention.
	confirm string

	// A program may report a survivable failure and continue. If it prints more than a few
	// lines after it, the last one is shown too.
	survivable bool

	lastPlace bool   // the last place in the lines counts, not the first
	nests     string // between a name and that of a part, as in TestA/case: the part replaces a bare whole
}

// A weight says how sure a fact is.
type weight uint8

const (
	strong      weight = iota // a failure, with what failed
	message                   // a tool says what is wrong
	mention                   // a word mentions an error
	complaint                 // a word that often does
	consequence               // says no more than that something before it failed
	never                     // looks like a failure and is none, or explains none
	pending                   // what a test wrote, of which a fact with its name has to say that it failed
)

// An action is the handling of a line.
type action uint8

const (
	stop     action = iota // it does not belong to the failure, which ends before it
	headline               // it names the failure, and is shown before all others of it
	show                   // it explains
	more                   // it is shown if there is room
	pass                   // it is not shown, unless the last lines of the script are
	hide                   // it is never shown
	last                   // it is not shown, and nothing follows
	deny                   // it says that the failure is none, as "...ignoring" does
)

// A rule says how to handle a line that follows the opening one. The first that
// fits is applied.
type rule struct {
	like        string // a pattern; "" fits all
	deeper      bool   // fits only lines with more indent than the opening one
	do          action
	most        int  // how many lines it fits; 0 is any number
	ends        bool // nothing follows
	consequence bool // the failure is a consequence of others
	weak        bool // a line that opens a failure of its own ends this one instead

	// Then are the rules for the lines that follow, if there are any, and thenWithin is
	// how many lines that may be.
	then       []rule
	thenWithin int
}

// A look searches the lines of the same command before the opening one.
type look struct {
	like  string // a pattern of lines to take
	until string // a pattern of a line to stop at
	reach int    // how many lines to go back, at most 20
	most  int    // how many to take
	do    action
}
