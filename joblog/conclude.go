package joblog

import "strings"

// conclude finds the causes, in the part of the log that the verdict points to.
func (s *summarizer) conclude() {
	var found []*failure
	switch s.ending {
	case success:
		return
	case exited, unended:
		found = s.failed()
	case timedOut, killed:
		found = s.interrupted()
	case refused:
		found = s.refused()
	}
	if len(found) == 0 && s.Verdict != "" {
		found = []*failure{s.verdictFailure()}
	}
	if s.Causes = causes(found); len(s.Causes) > 0 {
		s.Reason = s.reason(principal(found))
	}
}

// failed returns what explains that the script failed, or the last stage before it. If
// the artifacts of a script that succeeded could not be uploaded, that is the cause.
func (s *summarizer) failed() []*failure {
	switch {
	case s.uploaded != nil && s.uploaded.hasFailed():
		return s.uploaded.choose()
	case s.script != nil:
		return s.withVerdict(s.script.choose())
	case s.prepared != nil:
		return s.prepared.choose()
	default:
		return nil
	}
}

// withVerdict adds the verdict if the exit code says more than the last lines of the
// script: if the last command wrote nothing, or was killed or not run.
func (s *summarizer) withVerdict(found []*failure) []*failure {
	if len(found) == 0 || found[len(found)-1].opener != nil {
		return found
	}
	silent := found[len(found)-1] == principal(found) && strings.HasPrefix(found[len(found)-1].best(), "$ ")
	const notRun = 126 // and what is above: 128 and a signal, or an exception of Windows
	if s.ExitCode < 0 || s.ExitCode >= notRun || s.ExitCode > 0 && silent {
		verdict := s.verdictFailure()
		verdict.ended = s.ExitCode < 0 || s.ExitCode > 128
		found = append(found, verdict)
	}
	return found
}

// interrupted returns the verdict, and what the script did when it was ended.
func (s *summarizer) interrupted() []*failure {
	verdict := s.verdictFailure()
	if s.timeout != "" {
		verdict.lines = append(verdict.lines, shown{s.timeout, headline})
	}
	found := []*failure{verdict}
	if s.script == nil {
		return found
	}
	s.script.finish()
	return append(found, s.script.tails(min(s.script.tail.fresh+1, maxLastOfEnded))...)
}

// refused returns the verdict, and the failures of the stage in which the runner failed.
func (s *summarizer) refused() []*failure {
	found := []*failure{s.verdictFailure()}
	if s.script == nil && s.prepared != nil {
		s.prepared.tail.quiet = true
		reasons := s.prepared.choose()
		found = append(found, reasons[max(len(reasons)-maxLastOfRefused, 0):]...)
	}
	return found
}

// verdictFailure makes a failure of the verdict.
func (s *summarizer) verdictFailure() *failure {
	return &failure{reason: s.Verdict, lines: []shown{{s.Verdict, headline}}}
}

// principal returns the failure that ended the job: the first one, unless another one is
// known to have ended it.
func principal(found []*failure) *failure {
	for _, f := range found {
		if f.ended {
			return f
		}
	}
	return found[0]
}

// reason makes the reason of the first failure. The reason of a command that wrote
// nothing is the runner's verdict.
func (s *summarizer) reason(f *failure) string {
	text := reasonOf(f)
	if f.opener == nil && strings.HasPrefix(text, "$ ") && s.ExitCode != 0 {
		_, words, _ := strings.Cut(s.Verdict, "failed: ")
		text += ": " + words
	}
	return oneLine(strings.TrimPrefix(text, "ERROR: "))
}
