package gitlabcitest

import (
	"cmp"
	"regexp"
	"slices"
	"time"

	"example.com/gitlabci"
	"example.com/gitlabci/gitlabcitest/internal/junit"
)

// A suite is the tests of a test suite, from any source.
type suite struct {
	name    string
	failure string // why it could not be read
	parts   []part
	jobs    []*job // whose tests they are
}

// A part is the cases of one report. They are not copied: there may be many.
type part struct {
	job   *job // nil: the test gave them
	cases []gitlabci.TestCase
	lost  float64 // seconds of cases that later ones replaced, see [junit.File]
}

// testSuites are what the test gave, and what the latest jobs uploaded: one
// suite for all jobs of a name.
func (p *pipeline) testSuites(now time.Time) (found []*suite) {
	byName := map[string]*suite{}
	for _, given := range p.suites {
		s := &suite{name: given.Name, failure: given.SuiteError, parts: []part{{cases: given.TestCases}}, jobs: p.jobsNamed(given.Name)}
		found = append(found, s)
		byName[s.name] = s
	}
	for _, j := range p.latestJobs() {
		report := j.artifact("junit", now)
		if report == nil {
			continue
		}
		s := byName[j.suiteName()]
		if s == nil {
			s = &suite{name: j.suiteName()}
			found = append(found, s)
			byName[s.name] = s
		}
		s.add(j, report.testFile())
	}
	return found
}

func (s *suite) add(j *job, file *junit.File) {
	s.failure = cmp.Or(s.failure, file.Failure)
	s.replace(file.Cases)
	s.parts = append(s.parts, part{j, file.Cases, file.Lost})
	if !slices.Contains(s.jobs, j) {
		s.jobs = append(s.jobs, j)
	}
}

// replace removes cases of this report from the reports of other jobs. A report that the
// test gave is not changed.
func (s *suite) replace(cases []gitlabci.TestCase) {
	if len(s.parts) == 0 {
		return
	}
	later := map[junit.Key]bool{}
	for _, one := range cases {
		later[junit.KeyOf(one)] = true
	}
	replaced := func(c gitlabci.TestCase) bool { return later[junit.KeyOf(c)] }
	for i := range s.parts {
		p := &s.parts[i]
		if p.job == nil || !slices.ContainsFunc(p.cases, replaced) {
			continue
		}
		whole := tallyOf(p.cases).seconds
		p.cases = slices.DeleteFunc(slices.Clone(p.cases), replaced)
		p.lost += whole - tallyOf(p.cases).seconds
	}
}

// jobsNamed are the latest jobs of exactly a name.
func (p *pipeline) jobsNamed(name string) (found []*job) {
	for _, j := range p.latestJobs() {
		if j.name == name && j.byRunner() {
			found = append(found, j)
		}
	}
	return found
}

var parallelNumber = regexp.MustCompile(`[\s:]+\d+[\s:/\\]+\d+\s*$`)

// suiteName is the job's name without the number of a parallel job, such as
// the "1/3" of "unit 1/3". The jobs of a matrix keep their names.
func (j *job) suiteName() string {
	return cmp.Or(parallelNumber.ReplaceAllString(j.name, ""), j.name)
}

// A tally counts the tests of a report.
type tally struct {
	seconds                                  float64
	count, success, failed, skipped, errored int
}

// count counts the cases of a suite. A suite that could not be read has none.
func (s *suite) count() (t tally) {
	if s.failure != "" {
		return t
	}
	for _, part := range s.parts {
		t.add(tallyOf(part.cases))
		t.seconds += part.lost
	}
	return t
}

func tallyOf(cases []gitlabci.TestCase) (t tally) {
	for _, one := range cases {
		t.seconds += float64(one.ExecutionTime)
		t.count++
		switch one.Status {
		case gitlabci.TestStatusSuccess:
			t.success++
		case gitlabci.TestStatusFailed:
			t.failed++
		case gitlabci.TestStatusSkipped:
			t.skipped++
		case gitlabci.TestStatusError:
			t.errored++
		}
	}
	return t
}

func (t *tally) add(more tally) {
	t.seconds += more.seconds
	t.count += more.count
	t.success += more.success
	t.failed += more.failed
	t.skipped += more.skipped
	t.errored += more.errored
}

func countAll(suites []*suite) (t tally) {
	for _, s := range suites {
		t.add(s.count())
	}
	return t
}
