package gitlabcitest

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"example.com/gitlabci/gitlabcitest/internal/graphql"
	"example.com/gitlabci/gitlabcitest/internal/shape"
)

// graphQLQuery is what a query begins with.
func (c *call) graphQLQuery() *graphql.Object {
	return &graphql.Object{Type: "Query", Fields: map[string]graphql.Field{
		"currentUser": graphql.Lazy(func() any { return c.graphQLUser(c.user) }),
		"metadata": graphql.Fixed(&graphql.Object{Type: "Metadata", Fields: map[string]graphql.Field{
			"version": graphql.Fixed(c.state.version.String()),
		}}),
		"project": {Arguments: []string{"fullPath"}, Value: func(given map[string]any) (any, error) {
			name, _ := given["fullPath"].(string)
			p := c.state.project(name)
			if p == nil || strconv.FormatInt(p.id, 10) == name || !p.accessOf(c.user).see() {
				return nil, nil
			}
			return c.graphQLProject(p), nil
		}},
		"group": {Arguments: []string{"fullPath"}, Value: func(given map[string]any) (any, error) {
			name, _ := given["fullPath"].(string)
			i := slices.Index(c.state.groups, name)
			if i < 0 || len(c.projectsIn(name, true)) == 0 {
				return nil, nil
			}
			return c.graphQLGroup(i), nil
		}},
	}}
}

func (c *call) graphQLUser(u *user) any {
	if u == nil {
		return nil
	}
	return &graphql.Object{Type: "UserCore", Fields: map[string]graphql.Field{
		"id":       graphql.Fixed(globalID("User", u.id)),
		"username": graphql.Fixed(u.username),
	}}
}

func (c *call) graphQLGroup(i int) *graphql.Object {
	name := c.state.groups[i]
	return &graphql.Object{Type: "Group", Fields: map[string]graphql.Field{
		"id":       graphql.Fixed(globalID("Group", int64(i+1))),
		"name":     graphql.Fixed(capitalized(path.Base(name))),
		"fullPath": graphql.Fixed(name),
		"webUrl":   graphql.Fixed(c.external + "/groups/" + name),
		"projects": connection("Project", []string{"includeSubgroups"}, func(given map[string]any) ([]*project, error) {
			return c.projectsIn(name, given["includeSubgroups"] == true), nil
		}, c.graphQLProject),
	}}
}

// projectsIn lists the projects of a group that the user sees.
func (c *call) projectsIn(group string, below bool) (found []*project) {
	for _, p := range c.state.projects {
		inside := path.Dir(p.path) == group || below && strings.HasPrefix(p.path, group+"/")
		if inside && p.accessOf(c.user).see() {
			found = append(found, p)
		}
	}
	return found
}

func (c *call) graphQLProject(p *project) *graphql.Object {
	return &graphql.Object{Type: "Project", Fields: map[string]graphql.Field{
		"id":       graphql.Fixed(globalID("Project", p.id)),
		"name":     graphql.Lazy(func() any { return projectIdentity(p).Name }),
		"fullPath": graphql.Fixed(p.path),
		"webUrl":   graphql.Fixed(c.external + "/" + p.path),
		"pipelines": connection("Pipeline", []string{"ref", "sha", "source", "status"}, func(given map[string]any) ([]*pipeline, error) {
			return c.pipelinesFor(p, given), nil
		}, c.graphQLPipeline),
		"pipeline": {Arguments: []string{"iid", "id"}, Value: func(given map[string]any) (any, error) {
			for _, one := range c.pipelinesFor(p, nil) {
				if strconv.FormatInt(one.iid, 10) == given["iid"] || globalID("Ci::Pipeline", int64(one.id)) == given["id"] {
					return c.graphQLPipeline(one), nil
				}
			}
			return nil, nil
		}},
	}}
}

// pipelinesFor lists the pipelines of a project, the newest first, without child
// pipelines. A user who may not read them sees none.
func (c *call) pipelinesFor(p *project, given map[string]any) (found []*pipeline) {
	if !p.accessOf(c.user).read() {
		return nil
	}
	fits := func(name, value string) bool { return given[name] == nil || given[name] == value }
	for _, one := range slices.Backward(p.parents) {
		if fits("ref", one.ref) && fits("sha", one.sha) && fits("source", string(one.source)) && among(wordsOf(given["status"]), one.status) {
			found = append(found, one)
		}
	}
	return found
}

func (c *call) graphQLPipeline(p *pipeline) *graphql.Object {
	return &graphql.Object{Type: "Pipeline", Fields: map[string]graphql.Field{
		"id":         graphql.Fixed(globalID("Ci::Pipeline", int64(p.id))),
		"iid":        graphql.Fixed(strconv.FormatInt(p.iid, 10)),
		"status":     graphql.Fixed(strings.ToUpper(string(p.status))),
		"ref":        graphql.Fixed(p.ref),
		"sha":        graphql.Fixed(p.sha),
		"source":     graphql.Fixed(string(p.source)),
		"path":       graphql.Fixed("/" + strings.TrimPrefix(pipelinePath(p), "/")),
		"createdAt":  graphql.Fixed(shape.Timestamp(p.created)),
		"updatedAt":  graphql.Fixed(shape.Timestamp(p.updated)),
		"startedAt":  graphql.Fixed(shape.Timestamp(p.started)),
		"finishedAt": graphql.Fixed(shape.Timestamp(p.finished)),
		"duration":   graphql.Fixed(pipelineSeconds(p.runTime())),
		"user":       graphql.Lazy(func() any { return c.graphQLUser(p.user) }),
		"project":    graphql.Lazy(func() any { return c.graphQLProject(p.project) }),
		"jobs": connection("CiJob", []string{"statuses", "retried"}, func(given map[string]any) ([]*job, error) {
			statuses := wordsOf(given["statuses"])
			return slices.DeleteFunc(slices.Clone(p.jobs), func(j *job) bool {
				return !among(statuses, j.status) || given["retried"] != nil && given["retried"] != j.superseded
			}), nil
		}, c.graphQLJob),
	}}
}

func (c *call) graphQLJob(j *job) *graphql.Object {
	kind := "Ci::Build"
	if j.trigger {
		kind = "Ci::Bridge"
	}
	return &graphql.Object{Type: "CiJob", Fields: map[string]graphql.Field{
		"id":             graphql.Fixed(globalID(kind, int64(j.id))),
		"name":           graphql.Fixed(j.name),
		"status":         graphql.Fixed(strings.ToUpper(string(j.status))),
		"stage":          graphql.Fixed(&graphql.Object{Type: "CiStage", Fields: map[string]graphql.Field{"name": graphql.Fixed(j.stage)}}),
		"allowFailure":   graphql.Fixed(j.allowFailure),
		"retried":        graphql.Fixed(j.superseded),
		"createdAt":      graphql.Fixed(shape.Timestamp(j.created)),
		"startedAt":      graphql.Fixed(shape.Timestamp(j.started)),
		"finishedAt":     graphql.Fixed(shape.Timestamp(j.finished)),
		"duration":       graphql.Lazy(func() any { return pipelineSeconds(j.runTime(c.now)) }),
		"queuedDuration": graphql.Lazy(func() any { return shape.Seconds(j.queueTime(c.now)) }),
		"webPath":        graphql.Lazy(func() any { return strings.TrimPrefix(c.renderer().jobURL(j), c.external) }),
	}}
}
