package testkit

import (
	"context"
	"io"
	"iter"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/gitlabci"
)

// A Method is a method of one of the client's services.
type Method struct {
	Route    string // of its request in GitLab's documentation
	Query    string // as it is sent
	Body     string // JSON that is sent, if any
	Response string // valid JSON; "" is an object with the ID 7
	Many     bool   // sends more than one request, the one of Route among them

	// Call calls the method without options. A list is read to its end, and a file
	// is read and closed.
	Call methodCall
}

type methodCall = func(ctx context.Context, c *gitlabci.Client, of Target) (any, error)

// A Target is what a [Method] is called with.
type Target struct {
	Project gitlabci.ProjectID
	ID      int64  // of a pipeline or a job
	Name    string // of a job
}

// What methods are called with: a commit, and a trigger token.
const (
	SHA          = "3f1c9a5d7e20b4486a9f01d2c7b8e5a4d3f2c1b0"
	TriggerToken = "glptt-invented"
)

// Key is the key of the variable that methods are called with, and Value its value.
const (
	Key   = "REGION"
	Value = "invented-value"
)

// App is the target of [Call] and of a method's URL.
var App = Target{Project: "group/app", ID: 7, Name: "unit"}

func (t Target) pipeline() gitlabci.PipelineID { return gitlabci.PipelineID(t.ID) }
func (t Target) job() gitlabci.JobID           { return gitlabci.JobID(t.ID) }

// Methods are all methods of the services, by names such as "Jobs.Get".
var Methods = func() map[string]Method {
	all := maps.Clone(pipelineMethods)
	maps.Copy(all, jobMethods)
	maps.Copy(all, artifactMethods)
	maps.Copy(all, statusMethods)
	maps.Copy(all, triggerMethods)
	maps.Copy(all, scheduleMethods)
	maps.Copy(all, webhookMethods)
	maps.Copy(all, projectMethods)
	maps.Copy(all, mergeRequestMethods)
	maps.Copy(all, repositoryMethods)
	maps.Copy(all, environmentMethods)
	maps.Copy(all, variableMethods)
	maps.Copy(all, lintMethods)
	return all
}()

// Call is a call of a method of [Methods] with [App].
func Call(name string) func(context.Context, *gitlabci.Client) error {
	method, known := Methods[name]
	if !known {
		panic("no method " + name)
	}
	return func(ctx context.Context, c *gitlabci.Client) error {
		_, err := method.Call(ctx, c, App)
		return err
	}
}

// Verb is the verb of the request.
func (m Method) Verb() string {
	verb, _, _ := strings.Cut(m.Route, " ")
	return verb
}

// Path is the escaped path of the request, below /api/v4.
func (m Method) Path(of Target) string {
	_, path, _ := strings.Cut(m.Route, " ")
	id := strconv.FormatInt(of.ID, 10)
	if rest, isGroup := strings.CutPrefix(path, "/groups/:id"); isGroup {
		path = "/groups/" + url.PathEscape(string(of.group())) + rest
	}
	return strings.NewReplacer(
		":id", url.PathEscape(string(of.Project)), ":pipeline_id", id, ":job_id", id, ":merge_request_iid", id, ":branch", "main", ":tag_name", "v1", ":environment_id", id, ":deployment_id", id, ":hook_id", id, ":hook_event_id", id, ":trigger_id", id, ":pipeline_schedule_id", id, ":key", Key, ":trigger", "pipeline_events", "*artifact_path", "out/a.txt", ":sha", SHA,
	).Replace(path)
}

// IsFile reports whether the response is a log or a file.
func (m Method) IsFile() bool {
	return strings.HasSuffix(m.Route, "/trace") || strings.HasSuffix(m.Route, "/artifacts") && m.Verb() == "GET" || strings.HasSuffix(m.Route, "*artifact_path")
}

// Done is the error of a call.
func Done[T any](_ T, err error) error { return err }

// ReadAll reads a file to its end and closes it.
func ReadAll[T io.ReadCloser](body T, err error) error {
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body)
	if closed := body.Close(); err == nil {
		err = closed
	}
	return err
}

// items is the result of a method that lists a page.
func items[T any](page *gitlabci.Page[T], err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return page.Items, nil
}

// all is the result of a method that iterates.
func all[T any](seq iter.Seq2[*T, error]) (any, error) {
	var list []*T
	for item, err := range seq {
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

var pipelineMethods = map[string]Method{
	"Pipelines.List": {
		Route: "GET /projects/:id/pipelines", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Pipelines.List(ctx, of.Project, nil))
		},
	},
	"Pipelines.All": {
		Route: "GET /projects/:id/pipelines", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Pipelines.All(ctx, of.Project, nil))
		},
	},
	"Pipelines.ListMine": {
		Route: "GET /pipelines", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, _ Target) (any, error) {
			return items(c.Pipelines.ListMine(ctx, nil))
		},
	},
	"Pipelines.AllMine": {
		Route: "GET /pipelines", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, _ Target) (any, error) {
			return all(c.Pipelines.AllMine(ctx, nil))
		},
	},
	"Pipelines.Get": {
		Route: "GET /projects/:id/pipelines/:pipeline_id", Call: onPipeline((*gitlabci.PipelinesService).Get),
	},
	"Pipelines.Latest": {
		Route: "GET /projects/:id/pipelines/latest", Query: "ref=main",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Pipelines.Latest(ctx, of.Project, "main")
		},
	},
	"Pipelines.Create": {
		Route: "POST /projects/:id/pipeline", Body: `{"ref":"main"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Pipelines.Create(ctx, of.Project, "main", nil)
		},
	},
	"Pipelines.Trigger": {
		Route: "POST /projects/:id/trigger/pipeline", Body: `{"token":"glptt-invented","ref":"main"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Pipelines.Trigger(ctx, of.Project, "main", TriggerToken, nil)
		},
	},
	"Pipelines.Retry": {
		Route: "POST /projects/:id/pipelines/:pipeline_id/retry", Call: onPipeline((*gitlabci.PipelinesService).Retry),
	},
	"Pipelines.Cancel": {
		Route: "POST /projects/:id/pipelines/:pipeline_id/cancel", Call: onPipeline((*gitlabci.PipelinesService).Cancel),
	},
	"Pipelines.UpdateMetadata": {
		Route: "PUT /projects/:id/pipelines/:pipeline_id/metadata", Body: `{"name":"Nightly"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Pipelines.UpdateMetadata(ctx, of.Project, of.pipeline(), &gitlabci.UpdateMetadataOptions{Name: "Nightly"})
		},
	},
	"Pipelines.Delete": {
		Route: "DELETE /projects/:id/pipelines/:pipeline_id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Pipelines.Delete(ctx, of.Project, of.pipeline())
		},
	},
	"Pipelines.Variables": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/variables", Response: `[]`, Call: onPipeline((*gitlabci.PipelinesService).Variables),
	},
	"Pipelines.TestReport": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/test_report", Response: `{"test_suites":[]}`, Call: onPipeline((*gitlabci.PipelinesService).TestReport),
	},
	"Pipelines.TestCases": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/test_report", Response: `{"test_suites":[]}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Pipelines.TestCases(ctx, of.Project, of.pipeline()))
		},
	},
	"Pipelines.TestReportSummary": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/test_report_summary", Response: `{"test_suites":[]}`, Call: onPipeline((*gitlabci.PipelinesService).TestReportSummary),
	},
	"Pipelines.Find": {
		Route: "GET /projects/:id/pipelines", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Pipelines.Find(ctx, of.Project, &gitlabci.FindPipelineOptions{Ref: "main"})
		},
	},
	"Pipelines.Watch": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Pipelines.Watch(ctx, of.Project, of.pipeline(), nil))
		},
	},
	"Pipelines.WatchAll": {
		Route: "GET /projects/:id/pipelines", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			for event, err := range c.Pipelines.WatchAll(ctx, of.Project, &gitlabci.WatchAllOptions{Since: time.Unix(1, 0)}) {
				return event, err // it has no end
			}
			return nil, nil
		},
	},
	"Pipelines.Wait": {
		Route: "GET /projects/:id/pipelines/:pipeline_id", Many: true, Call: onPipelineWith((*gitlabci.PipelinesService).Wait),
	},
	"Pipelines.Failures": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Many: true, Call: onPipelineWith((*gitlabci.PipelinesService).Failures),
	},
	"Pipelines.Run": {
		Route: "POST /projects/:id/pipeline", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Pipelines.Run(ctx, of.Project, "main", nil)
		},
	},
	"Pipelines.Tree": {
		Route: "GET /projects/:id/pipelines/:pipeline_id/jobs", Many: true, Call: onPipeline((*gitlabci.PipelinesService).Tree),
	},
	"Pipelines.CancelEach": {
		Route: "POST /projects/:id/pipelines/:pipeline_id/cancel", Many: true, Call: each((*gitlabci.PipelinesService).CancelEach),
	},
	"Pipelines.DeleteEach": {
		Route: "DELETE /projects/:id/pipelines/:pipeline_id", Many: true, Call: each((*gitlabci.PipelinesService).DeleteEach),
	},
	"Pipelines.RetryEach": {
		Route: "POST /projects/:id/pipelines/:pipeline_id/retry", Many: true, Call: each((*gitlabci.PipelinesService).RetryEach),
	},
}

var statusMethods = map[string]Method{
	"Statuses.List": {
		Route: "GET /projects/:id/repository/commits/:sha/statuses", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Statuses.List(ctx, of.Project, SHA, nil))
		},
	},
	"Statuses.All": {
		Route: "GET /projects/:id/repository/commits/:sha/statuses", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Statuses.All(ctx, of.Project, SHA, nil))
		},
	},
	"Statuses.Set": {
		Route: "POST /projects/:id/statuses/:sha", Many: true,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Statuses.Set(ctx, of.Project, SHA, gitlabci.StatusSuccess, &gitlabci.SetStatusOptions{Name: of.Name})
		},
	},
}

// onPipeline calls a method on one pipeline.
func onPipeline[R any](do func(*gitlabci.PipelinesService, context.Context, gitlabci.ProjectID, gitlabci.PipelineID) (R, error)) methodCall {
	return func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
		return do(c.Pipelines, ctx, of.Project, of.pipeline())
	}
}

// onPipelineWith is like onPipeline, for a method that has options.
func onPipelineWith[O, R any](do func(*gitlabci.PipelinesService, context.Context, gitlabci.ProjectID, gitlabci.PipelineID, *O) (R, error)) methodCall {
	return func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
		return do(c.Pipelines, ctx, of.Project, of.pipeline(), nil)
	}
}

// each is a method on an iterator over one pipeline. Its error is the pipeline's or
// the iterator's.
func each(do EachMethod) methodCall {
	return func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
		var last *gitlabci.EachResult
		for result, err := range do(c.Pipelines, ctx, of.Project, PipelinesOf(of.pipeline()), nil) {
			if err != nil {
				return nil, err
			}
			last = result
		}
		return last, last.Err
	}
}

var webhookMethods = map[string]Method{
	"Webhooks.List": {
		Route: "GET /projects/:id/hooks", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Webhooks.List(ctx, of.Project, nil))
		},
	},
	"Webhooks.All": {
		Route: "GET /projects/:id/hooks", Query: "per_page=100", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Webhooks.All(ctx, of.Project, nil))
		},
	},
	"Webhooks.Get": {
		Route: "GET /projects/:id/hooks/:hook_id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Webhooks.Get(ctx, of.Project, of.hook())
		},
	},
	"Webhooks.Create": {
		Route: "POST /projects/:id/hooks", Body: `{"url":"https://bot.example.com/","enable_ssl_verification":true,"push_events":true` + otherTriggers + `}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Webhooks.Create(ctx, of.Project, "https://bot.example.com/", &gitlabci.WebhookOptions{
				Triggers: &gitlabci.WebhookTriggers{PushEvents: true}, EnableSSLVerification: new(true),
			})
		},
	},
	"Webhooks.Update": {
		Route: "PUT /projects/:id/hooks/:hook_id", Body: `{"name":"bot"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Webhooks.Update(ctx, of.Project, of.hook(), &gitlabci.WebhookOptions{Name: new("bot")})
		},
	},
	"Webhooks.Delete": {
		Route: "DELETE /projects/:id/hooks/:hook_id",
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Webhooks.Delete(ctx, of.Project, of.hook())
		},
	},
	"Webhooks.Test": {
		Route: "POST /projects/:id/hooks/:hook_id/test/:trigger", Response: `{"message":"201 Created"}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return nil, c.Webhooks.Test(ctx, of.Project, of.hook(), gitlabci.WebhookTriggerPipeline)
		},
	},
	"Webhooks.Events": {
		Route: "GET /projects/:id/hooks/:hook_id/events", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return items(c.Webhooks.Events(ctx, of.Project, of.hook(), nil))
		},
	},
	"Webhooks.AllEvents": {
		Route: "GET /projects/:id/hooks/:hook_id/events", Query: "per_page=20", Response: `[]`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return all(c.Webhooks.AllEvents(ctx, of.Project, of.hook(), nil))
		},
	},
	"Webhooks.Resend": {
		Route: "POST /projects/:id/hooks/:hook_id/events/:hook_event_id/resend", Response: `{"response_status":200}`,
		Call: func(ctx context.Context, c *gitlabci.Client, of Target) (any, error) {
			return c.Webhooks.Resend(ctx, of.Project, of.hook(), gitlabci.WebhookEventID(of.ID))
		},
	},
}

func (t Target) hook() gitlabci.WebhookID { return gitlabci.WebhookID(t.ID) }

// otherTriggers are all but that of pushes, none of which is wanted.
const otherTriggers = `,"tag_push_events":false,"merge_requests_events":false,"pipeline_events":false,"job_events":false,"deployment_events":false,` +
	`"issues_events":false,"confidential_issues_events":false,"note_events":false,"confidential_note_events":false,"wiki_page_events":false,` +
	`"feature_flag_events":false,"releases_events":false,"milestone_events":false,"emoji_events":false,"resource_access_token_events":false,` +
	`"resource_deploy_token_events":false,"vulnerability_events":false`
