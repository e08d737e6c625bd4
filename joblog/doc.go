// Package joblog reads a GitLab job's log: lines without colour codes, the time
// of each where the runner wrote it, the sections a line is in and how long
// they took, and what a person asks first of a job that failed.
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
// [Summarize] reads a log to its end and keeps the little that matters:
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
// A [Line] is what GitLab's page shows as one. Usually that is the text between two
// newlines, with these exceptions:
//
//   - Markers of sections may be in mid-line. If one opens or closes after some text, and more text follows, the rest is a Line of its own, so that all
//     text of a Line is in the same sections.
//   - With timestamps the runner breaks long lines and progress bars at any
//     place, and marks what continues the line before. Such parts are joined, if
//     no other stream wrote in between. If one did, they are lines of their own, and
//     what the next part of a progress bar replaces is gone.
//   - A line longer than [MaxLine] is split, and so is a line in which more than
//     1,000 sections start.
//
// The [Line.Raw] of all Lines, one after the other, are the log, byte for byte.
// How the reader happens to split the log changes nothing.
//
// # Memory
//
// No more than one line is held in memory, for a log of any size: some 100 kB while lines
// are short, and a few times MaxLine for the longest. A [Summary] takes at most 1 MiB.
package joblog
