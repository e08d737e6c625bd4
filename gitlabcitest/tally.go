package gitlabcitest

import "example.com/gitlabci"

// A tally counts the tests of a report.
type tally struct {
	seconds                                  float64
	count, success, failed, skipped, errored int
}

// countTests counts the cases of a suite, whatever counts it came with. One
// that could not be read has none.
func countTests(suite gitlabci.TestSuite) (t tally) {
	if suite.SuiteError != "" {
		return t
	}
	for _, one := range suite.TestCases {
		t.seconds += float64(one.ExecutionTime)
		t.count++
		switch one.Status {
		case gitlabci.TestSuccess:
			t.success++
		case gitlabci.TestFailed:
			t.failed++
		case gitlabci.TestSkipped:
			t.skipped++
		case gitlabci.TestError:
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

// countTests counts the cases of all suites.
func (p *pipeline) countTests() (t tally) {
	for _, suite := range p.suites {
		t.add(countTests(suite))
	}
	return t
}

// uploaders are the jobs whose report a suite is: those of its name.
func (p *pipeline) uploaders(suite string) (found []*job) {
	for _, j := range p.latestJobs() {
		if j.name == suite && !j.trigger {
			found = append(found, j)
		}
	}
	return found
}
