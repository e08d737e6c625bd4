package gitlabcitest

import (
	"cmp"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/gitlabci/gitlabcitest/internal/rack"
	"example.com/gitlabci/gitlabcitest/internal/shape"
	"example.com/gitlabci/gitlabcitest/internal/versions"
)

func downloadParam() rack.Param {
	return rack.Param{Name: "download_mode", Parse: rack.OneOf("proxy", "direct"), Known: versions.Since(19, 4)}
}

func latestParams(recent versions.Known, more ...rack.Param) []rack.Param {
	return append(more,
		rack.Param{Name: "job", Parse: rack.Text, Required: true},
		rack.Param{Name: "search_recent_successful_pipelines", Parse: rack.Boolean, Initial: "false", Known: recent},
	)
}

// onLatest makes a handler of one that works on the archive of a job found by
// its ref and name.
func onLatest(handle func(*call, *job, *artifact) *response) func(*call) *response {
	return inProject(func(c *call, owner *project) *response {
		recent := value[bool](c, "search_recent_successful_pipelines")
		j := owner.latestArtifacts(value[string](c, "ref_name"), value[string](c, "job"), recent, c.now)
		switch {
		case j == nil && recent:
			return notFound("Job Not Found")
		case j == nil:
			return notFound("Not found")
		case !c.route.demand.allowsJob(c.access, j):
			return forbidden()
		}
		return withArchive(handle)(c, j)
	})
}

// withArchive makes a handler for jobs of one for their archives.
func withArchive(handle func(*call, *job, *artifact) *response) func(*call, *job) *response {
	return func(c *call, j *job) *response {
		a := j.artifact(archiveKind, c.now)
		if a == nil {
			return notFound("Not Found")
		}
		return handle(c, j, a)
	}
}

func downloadParams() []rack.Param {
	return []rack.Param{{Name: "file_type", Parse: rack.OneOf(downloadableKinds()...), Initial: archiveKind, Known: versions.Since(19, 4)}, downloadParam()}
}

// downloadByType serves the archive or a report. Either of the two words for the same
// report finds it.
func downloadByType(c *call, j *job) *response {
	kind := cmp.Or(value[string](c, "file_type"), archiveKind)
	twins := map[string]string{"performance": "browser_performance", "browser_performance": "performance"}
	for _, kind := range []string{kind, twins[kind]} {
		if a := j.artifact(kind, c.now); a != nil {
			return downloadFile(c, j, a)
		}
	}
	return notFound("Not Found")
}

// rawFile serves one file out of an archive, as a kind that browsers only show.
func rawFile(c *call, _ *job, a *artifact) *response {
	return c.serveMember(a, func(_ string, data []byte) string { return kindByContent(data) })
}

// jobFile serves one file of an archive, with the content type of its name.
func jobFile(c *call, _ *job, a *artifact) *response {
	return c.serveMember(a, func(name string, _ []byte) string { return kindByName(name) })
}

func (c *call) serveMember(a *artifact, kindOf func(name string, data []byte) string) *response {
	name := value[string](c, "artifact_path")
	if strings.ContainsRune(name, 0) || !utf8.ValidString(name) {
		return refuse(http.StatusBadRequest, "400 Bad request")
	}
	etag := c.memberETag(a, name)
	if unchanged(c.request.Header, etag) { // GitLab's application says so, which never sees the archive
		return notModified(etag)
	}
	m := a.member(name)
	if m == nil {
		return pageNotFound()
	}
	return memberResponse(name, kindOf(name, m.Content), etag, m)
}

func treeParams() []rack.Param {
	return append(pageParams(), rack.Param{Name: "path", Parse: rack.Text}, rack.Param{Name: "recursive", Parse: rack.Boolean, Initial: "false"})
}

func artifactsTree(c *call, j *job) *response {
	a := j.artifact(archiveKind, c.now)
	if a == nil {
		return notFound("Artifacts Not Found")
	}
	if _, err := a.members(); err != nil {
		return notFound("Artifacts metadata Not Found") // it is made from what can be read
	}
	found, isFolder := a.folder(value[string](c, "path"), value[bool](c, "recursive"))
	if !isFolder {
		return notFound("Path Not Found")
	}
	part, header := numberedPage(c, found)
	return &response{status: http.StatusOK, header: header, body: shape.Each(part, renderEntry)}
}

func keepArtifacts(c *call, j *job) *response {
	if j.artifact(archiveKind, c.now) == nil {
		return notFound("#<Ci::Build> Not Found") // not meant to be read
	}
	j.expire = time.Time{}
	return ok(c.renderer().job(j))
}

func deleteArtifacts(_ *call, j *job) *response {
	if wait := j.pipeline.project.refreshing(); wait != nil {
		return wait
	}
	j.artifacts = nil
	return noContent()
}

func deleteProjectArtifacts(c *call, owner *project) *response {
	if wait := owner.refreshing(); wait != nil {
		return wait
	}
	owner.expireArtifacts(c.now)
	return &response{status: http.StatusAccepted, body: map[string]any{"message": "202 Accepted"}}
}
