// Package joblog reads the log of a GitLab job. It returns lines without color codes,
// with their times and sections, and it finds the reason why a job failed.
//
//	log, err := client.Jobs.Log(ctx, "group/app", 4711)
//	if err != nil {
//		return err
//	}
//	defer log.Close()
//	for line, err := range joblog.Lines(log) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(line.Text)
//	}
//
// [Summarize] reads a log to its end and finds out why the job failed:
//
//	summary, err := joblog.Summarize(r) // the log, or a file
//	if err != nil {
//		return err
//	}
//	fmt.Println(summary.Reason, summary.ExitCode, summary.Lines())
//
// Pipelines.Failures of package gitlabci does this for all failed jobs of a pipeline.
//
// # What a line is
//
// A [Line] is a line of GitLab's page of the log. Usually that is the text between two
// newlines, with these exceptions:
//
//   - Markers of sections may be in the middle of a line. If a section starts or ends after
//     some text, and more text follows, the rest is a Line of its own. So all text of a Line
//     is in the same sections.
//   - With timestamps, the runner splits long lines and progress bars at any place, and
//     marks the parts that continue a line. Such parts are joined, unless another stream
//     wrote in between. Then they are lines of their own, without the text that the next
//     part of a progress bar replaces.
//   - A line longer than [MaxLine] is split, and so is a line in which more than
//     1,000 sections start.
//
// The [Line.Raw] of all Lines, one after the other, are the log, byte for byte. The lines
// do not depend on the sizes of the reads.
//
// # Memory
//
// Only one line is held in memory, however large the log is: some 100 kB if lines are
// short, and a few times MaxLine for the longest. A [Summary] takes at most 1 MiB.
package joblog
