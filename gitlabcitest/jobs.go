package gitlabcitest

import (
	"fmt"
	"net/http"
	"time"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

const largestLogPart = 512_000

func listProjectJobParams() []rack.Param {
	return append(pageParams(),
		rack.Param{Name: "scope", ParseIn: func(v versions.Version) rack.Parser { return rack.AnyOf(v.Statuses()...) }},
		rack.Param{Name: "ref", Parse: rack.Text, Known: versions.Since(19, 1)},
		rack.Param{Name: "pagination", Parse: rack.Text, Known: versions.Since(15, 9)},
		rack.Param{Name: "order_by", Parse: rack.Text, Known: versions.Since(15, 9)},
		rack.Param{Name: "sort", Parse: rack.Text, Known: versions.Since(15, 9)},
		rack.Param{Name: "cursor", Parse: rack.Text, Known: versions.Since(15, 9)},
	)
}

func listProjectJobs(c *call, owner *project) *response {
	found := owner.findJobs(value[string](c, "ref"), value[[]string](c, "scope"))
	if value[string](c, "pagination") != "keyset" {
		cut := uncountedPage[*job]
		if c.before(13, 0) { // an estimate: very old ones counted
			cut = countedPage[*job]
		}
		part, header := cut(c, found.List)
		return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().job)}
	}
	orderBy, sort := value[string](c, "order_by"), value[string](c, "sort")
	if orderBy != "" && orderBy != "id" || sort != "" && sort != "desc" {
		return noKeyset()
	}
	part, header, refused := cursorPage(c, found)
	if refused != nil {
		return refused
	}
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, c.renderer().job)}
}

func getJob(c *call, j *job) *response { return ok(c.renderer().job(j)) }

func jobLogParams() []rack.Param {
	return []rack.Param{
		{Name: "byte_offset", Parse: rack.Within(0, 1<<63-1), Known: versions.Since(19, 1)},
		{Name: "byte_limit", Parse: rack.Within(1, largestLogPart), Known: versions.Since(19, 1)},
	}
}

// jobLog is the log or a part of it, with the status of the whole.
func jobLog(c *call, j *job) *response {
	log := j.written(c.now)
	part := log[min(int64(len(log)), value[int64](c, "byte_offset")):]
	if limit := optional[int64](c, "byte_limit"); limit != nil {
		part = part[:min(int64(len(part)), *limit)]
	}
	header := http.Header{
		"Content-Type":        {"text/plain"},
		"Content-Disposition": {fmt.Sprintf(`infile; filename="%d.log"`, j.id)},
	}
	if c.logRanges && j.status.Finished() && !c.has("byte_offset") && !c.has("byte_limit") {
		header.Set("Last-Modified", "0") // which also keeps an ETag away
		return fileResponse(c.request, header, time.Time{}, part)
	}
	return &response{status: http.StatusOK, header: header, body: part}
}

func cancelJob(c *call, j *job) *response {
	force := value[bool](c, "force")
	if force && !c.access.forceCancel() {
		return forbidden()
	}
	c.state.cancelJob(j, force, c.now)
	return created(c.renderer().job(j))
}

// retryJobParams has the inputs under the name that GitLab reads.
func retryJobParams() []rack.Param {
	return []rack.Param{{Name: "inputs", Parse: rack.Object, Known: versions.Since(18, 10)}}
}

func retryOneJob(c *call, j *job) *response {
	if j.trigger && c.before(17, 0) {
		return notFound("Not found")
	}
	if !j.retryable() {
		return refuse(http.StatusForbidden, "403 Forbidden - Job is not retryable")
	}
	if complaint := j.complainOf(value[rack.Tree](c, "inputs")); complaint != "" {
		return badRequest(complaint)
	}
	return created(c.renderer().job(c.state.retryOne(j, c.user, c.now)))
}

func eraseJob(c *call, j *job) *response {
	if !j.erasable(c.now) {
		return refuse(http.StatusForbidden, "403 Forbidden - Job is not erasable!")
	}
	if wait := j.pipeline.project.refreshing(); wait != nil {
		return wait
	}
	j.erase(c.now)
	return created(c.renderer().job(j))
}

func playJobParams() []rack.Param {
	const variables = "job_variables_attributes"
	return []rack.Param{
		{Name: variables, Parse: rack.PairsOf(variables)},
		{Name: "job_inputs", Parse: rack.Object, Known: versions.Since(18, 10)},
	}
}

func playJob(c *call, j *job) *response {
	if !j.playable() {
		return badRequest("Unplayable Job")
	}
	if len(value[[]any](c, "job_variables_attributes")) > 0 && !c.access.setVariables() {
		return forbidden()
	}
	if complaint := j.complainOf(value[rack.Tree](c, "job_inputs")); complaint != "" {
		return badRequest(complaint)
	}
	played := c.state.play(j, c.user, c.now)
	if played.trigger {
		return ok(c.renderer().triggerJob(c.state)(played))
	}
	return ok(c.renderer().job(played))
}

// asJob makes a handler of one about the job whose token was sent.
func asJob(handle func(*call) *response) func(*call) *response {
	return func(c *call) *response {
		if c.job == nil {
			return notFound("Job Not Found")
		}
		return handle(c)
	}
}

func currentJob(c *call) *response { return ok(c.renderer().job(c.job)) }

func allowedAgents(c *call) *response {
	return ok(renderAllowedAgents(c.job, c.state.groupsOf(c.job.pipeline.project)))
}

// onJob makes a handler of one that works on a job that a runner runs.
func onJob(handle func(*call, *job) *response) func(*call) *response { return onJobs(false, handle) }

// onAnyJob makes a handler of one that works on trigger jobs too.
func onAnyJob(handle func(*call, *job) *response) func(*call) *response { return onJobs(true, handle) }

func onJobs(trigger bool, handle func(*call, *job) *response) func(*call) *response {
	return inProject(func(c *call, owner *project) *response {
		j := c.state.job(owner, value[int64](c, "job_id"), trigger)
		switch {
		case j == nil:
			return notFound("Not found")
		case !c.route.demand.allowsJob(c.access, j):
			return forbidden()
		}
		return handle(c, j)
	})
}
