package gitlabci

import (
	"context"
	"io"
)

// Log opens a job's log as it stands: bytes as the runner wrote them, with
// colour codes, carriage returns and section markers, and not always UTF-8. A
// job without a log has an empty one. The caller closes it.
//
//	GET /projects/:id/jobs/:job_id/trace
//
// See https://docs.gitlab.com/api/jobs/#retrieve-a-log-file-for-a-job.
// The error matches [ErrNotFound] if the project or the job does not exist, or
// is a trigger job, [ErrForbidden] for the log of a job run in debug mode
// without the right to change it, and, while reading, [ErrStalled].
// A log can lag behind: its last bytes may arrive after the job has finished.
//
// An interrupted log resumes as [ArtifactFile.Read] says. If the server sends
// neither the length nor chunks, the runner's last line or the size of the
// archived log must prove that the log is complete. If neither does, as while the
// job runs, the error after the last byte matches [io.ErrUnexpectedEOF].
func (s *JobsService) Log(ctx context.Context, project ProjectID, job JobID) (io.ReadCloser, error) {
	cl := readingFile(at("projects", project, "jobs", job, "trace"), nil)
	cl.grows = true
	log, err := notJSON(notPage(s.client.download(ctx, cl, "", nil)))
	if err != nil {
		return nil, err
	}
	log.source.told = s.client.sizeOf(project, job, ArtifactTypeTrace)
	return log, nil
}
