package gitlabci

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/rest"
	"example.com/gitlabci/internal/secret"
)

// WebhooksService manages a project's webhooks, through which GitLab sends events to a program.
// It is [Client.Webhooks]. Package webhook receives what they deliver.
//
// All methods need a Maintainer. Job tokens cannot use them.
//
// See https://docs.gitlab.com/api/project_webhooks/.
type WebhooksService struct{ client *Client }

// A WebhookID is a webhook's number, unique on the whole instance.
type WebhookID int64

// A WebhookEventID is the number of one delivery of a webhook.
type WebhookEventID int64

// A Webhook is a URL to which GitLab posts the events of a project. Its tokens, and the
// values of its headers and URL variables, are never in a response.
type Webhook struct {
	ID          WebhookID `json:"id"`
	URL         string    `json:"url"`
	Name        string    `json:"name,omitzero"`
	Description string    `json:"description,omitzero"`
	ProjectID   ProjectID `json:"project_id"`
	CreatedAt   time.Time `json:"created_at,omitzero"`

	WebhookTriggers
	RepositoryUpdateEvents bool `json:"repository_update_events"` // of system hooks only

	EnableSSLVerification  bool               `json:"enable_ssl_verification"`
	AlertStatus            WebhookAlertStatus `json:"alert_status,omitzero"`
	DisabledUntil          time.Time          `json:"disabled_until,omitzero"`
	PushEventsBranchFilter string             `json:"push_events_branch_filter,omitzero"`
	BranchFilterStrategy   string             `json:"branch_filter_strategy,omitzero"` // "wildcard", "regex" or "all_branches"
	CustomWebhookTemplate  string             `json:"custom_webhook_template,omitzero"`
	CustomHeaders          []WebhookValue     `json:"custom_headers,omitzero"`
	URLVariables           []WebhookValue     `json:"url_variables,omitzero"`
	TokenPresent           bool               `json:"token_present,omitzero"`         // from GitLab 19.0
	SigningTokenPresent    bool               `json:"signing_token_present,omitzero"` // from GitLab 19.0
}

// A WebhookAlertStatus says whether GitLab delivers to a webhook. The set is open.
type WebhookAlertStatus string

// The states of a webhook. GitLab.com disables one after failures in a row.
const (
	WebhookAlertStatusExecutable          WebhookAlertStatus = "executable"
	WebhookAlertStatusTemporarilyDisabled WebhookAlertStatus = "temporarily_disabled" // until DisabledUntil
	WebhookAlertStatusDisabled            WebhookAlertStatus = "disabled"             // until a test request succeeds
)

// WebhookTriggers are the events that a webhook receives.
type WebhookTriggers struct {
	PushEvents                bool `json:"push_events"`
	TagPushEvents             bool `json:"tag_push_events"`
	MergeRequestsEvents       bool `json:"merge_requests_events"`
	PipelineEvents            bool `json:"pipeline_events"` // the status of a pipeline changes
	JobEvents                 bool `json:"job_events"`      // the status of a job changes
	DeploymentEvents          bool `json:"deployment_events"`
	IssuesEvents              bool `json:"issues_events"`
	ConfidentialIssuesEvents  bool `json:"confidential_issues_events"`
	NoteEvents                bool `json:"note_events"`
	ConfidentialNoteEvents    bool `json:"confidential_note_events"`
	WikiPageEvents            bool `json:"wiki_page_events"`
	FeatureFlagEvents         bool `json:"feature_flag_events"`
	ReleasesEvents            bool `json:"releases_events"`
	MilestoneEvents           bool `json:"milestone_events"`
	EmojiEvents               bool `json:"emoji_events"`
	ResourceAccessTokenEvents bool `json:"resource_access_token_events"`
	ResourceDeployTokenEvents bool `json:"resource_deploy_token_events"`
	VulnerabilityEvents       bool `json:"vulnerability_events"`
}

// A WebhookValue is a header that a webhook sends, or a variable in its URL. The Value is
// secret, and empty in responses.
type WebhookValue struct {
	Key   string `json:"key"`
	Value string `json:"value,omitzero"`
}

// WebhookOptions are the settings of a webhook. In an update, zero fields change nothing.
type WebhookOptions struct {
	URL string `json:"url,omitzero"` // for Update only

	// Triggers are the events that the webhook receives, and no others. Nil in a create is
	// pipelines, jobs and deployments.
	Triggers *WebhookTriggers `json:"-"`

	// Token is sent as it is with each delivery, in X-Gitlab-Token. "" removes it.
	Token *string `json:"token,omitzero"`

	// SigningToken signs each delivery: "whsec_" and 32 random bytes in base64. "" removes
	// it. From GitLab 19.0; older servers ignore it, which SigningTokenPresent shows.
	SigningToken *string `json:"signing_token,omitzero"`

	Name        *string `json:"name,omitzero"`
	Description *string `json:"description,omitzero"`

	EnableSSLVerification  *bool   `json:"enable_ssl_verification,omitzero"` // GitLab's default is true
	PushEventsBranchFilter *string `json:"push_events_branch_filter,omitzero"`
	BranchFilterStrategy   string  `json:"branch_filter_strategy,omitzero"`
	CustomWebhookTemplate  *string `json:"custom_webhook_template,omitzero"`

	// CustomHeaders and URLVariables are added to the existing ones. The URL has a variable
	// as "{key}".
	CustomHeaders []WebhookValue `json:"custom_headers,omitzero"`
	URLVariables  []WebhookValue `json:"url_variables,omitzero"`
}

// ListWebhooksOptions choose a page of webhooks. Nil is the first one.
type ListWebhooksOptions struct{ ListOptions }

// List returns one page of a project's webhooks.
//
//	GET /projects/:id/hooks
//
// See https://docs.gitlab.com/api/project_webhooks/#list-webhooks-for-a-project.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, and [ErrForbidden] without the rights of a Maintainer.
func (s *WebhooksService) List(ctx context.Context, project ProjectID, opts *ListWebhooksOptions) (*Page[Webhook], error) {
	return list(ctx, pagesAt[*Webhook](s.client, at("projects", project, "hooks")), opts)
}

// All ranges over a project's webhooks.
//
//	GET /projects/:id/hooks
//
// See https://docs.gitlab.com/api/project_webhooks/#list-webhooks-for-a-project.
// It requests the pages of [WebhooksService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
func (s *WebhooksService) All(ctx context.Context, project ProjectID, opts *ListWebhooksOptions) iter.Seq2[*Webhook, error] {
	return all(ctx, s.client, pagesAt[*Webhook](s.client, at("projects", project, "hooks")), opts)
}

// Get returns one webhook.
//
//	GET /projects/:id/hooks/:hook_id
//
// See https://docs.gitlab.com/api/project_webhooks/#get-a-project-webhook.
// The error matches [ErrNotFound] if the project or the webhook does not exist, and
// [ErrForbidden] without the rights of a Maintainer.
func (s *WebhooksService) Get(ctx context.Context, project ProjectID, hook WebhookID) (*Webhook, error) {
	return getOne[*Webhook](ctx, s.client, webhookAt(project, hook))
}

// Create adds a webhook to a project.
//
//	POST /projects/:id/hooks
//
// See https://docs.gitlab.com/api/project_webhooks/#add-a-webhook-to-a-project.
// The error matches [ErrNotFound], [ErrForbidden] without the rights of a Maintainer,
// [ErrInvalid] for what GitLab refuses, such as a URL in its own network or too many
// webhooks, and [ErrOutcomeUnknown] if the response was lost: the request is never
// retried.
// The tokens, and the values of headers and URL variables, are not in errors and logs.
func (s *WebhooksService) Create(ctx context.Context, project ProjectID, url string, opts *WebhookOptions) (*Webhook, error) {
	created := *cmp.Or(opts, &WebhookOptions{})
	created.Triggers = cmp.Or(created.Triggers, &WebhookTriggers{PipelineEvents: true, JobEvents: true, DeploymentEvents: true})
	c := rest.Once(http.MethodPost, at("projects", project, "hooks"), nil)
	if created.URL != "" {
		c.Err = errors.New("WebhookOptions.URL is set; Create has the URL as an argument")
	}
	created.URL = url
	created.describe(c)
	return send[*Webhook](ctx, s.client, c)
}

// Update changes a webhook. Zero fields of the options change nothing.
//
//	PUT /projects/:id/hooks/:hook_id
//
// See https://docs.gitlab.com/api/project_webhooks/#edit-a-project-webhook.
// The error matches [ErrNotFound], [ErrForbidden] without the rights of a Maintainer,
// [ErrInvalid] for what GitLab refuses, and [ErrOutcomeUnknown] if every response was
// lost. If GitLab refuses a retry, but the webhook is as wanted in all fields that can be
// read, Update succeeds.
func (s *WebhooksService) Update(ctx context.Context, project ProjectID, hook WebhookID, opts *WebhookOptions) (*Webhook, error) {
	c := rest.Repeatable(http.MethodPut, at("projects", project, "hooks", hook), nil)
	if opts == nil {
		opts = &WebhookOptions{}
		c.Err = errors.New("WebhookOptions is nil, so that nothing would change")
	}
	opts.describe(c)
	return readBack(ctx, s.client, c, webhookAt(project, hook), opts.isApplied)
}

// Delete removes a webhook.
//
//	DELETE /projects/:id/hooks/:hook_id
//
// See https://docs.gitlab.com/api/project_webhooks/#delete-project-webhook.
// The error matches [ErrNotFound] if the webhook was gone before, [ErrForbidden] without
// the rights of a Maintainer, and [ErrOutcomeUnknown] if every response was lost. If a
// response is lost, the request is retried; if the webhook is then gone, Delete succeeds.
func (s *WebhooksService) Delete(ctx context.Context, project ProjectID, hook WebhookID) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, at("projects", project, "hooks", hook), nil))
}

// A WebhookTrigger is a kind of event that a webhook receives. The set is open.
type WebhookTrigger string

// The triggers of CI.
const (
	WebhookTriggerPipeline   WebhookTrigger = "pipeline_events"
	WebhookTriggerJob        WebhookTrigger = "job_events"
	WebhookTriggerDeployment WebhookTrigger = "deployment_events"
)

// Test delivers a sample event to a webhook, made from data of the project. A success
// enables a disabled webhook.
//
//	POST /projects/:id/hooks/:hook_id/test/:trigger
//
// See https://docs.gitlab.com/api/project_webhooks/#trigger-a-test-project-webhook.
// The error matches [ErrInvalid] if the receiver does not respond with 2xx, or if the
// project has nothing of the kind, and [ErrRateLimited] after five tests in a minute. It
// matches [ErrNotFound], [ErrForbidden], [errors.ErrUnsupported] on servers without the
// endpoint, and [ErrOutcomeUnknown] if the response was lost: the request is never retried.
func (s *WebhooksService) Test(ctx context.Context, project ProjectID, hook WebhookID, trigger WebhookTrigger) error {
	path := at("projects", project, "hooks", hook, "test", trigger)
	_, err := send[*successMessage](ctx, s.client, rest.Once(http.MethodPost, path, nil))
	return err
}

// A WebhookEvent is one delivery of a webhook, and the receiver's response.
type WebhookEvent struct {
	ID                WebhookEventID    `json:"id"`
	URL               string            `json:"url"`
	Trigger           string            `json:"trigger"`         // such as "pipeline_hooks"
	RequestHeaders    map[string]string `json:"request_headers"` // the values of secret ones are "[REDACTED]"
	RequestData       WebhookPayload    `json:"request_data"`    // which has the values of variables
	ResponseHeaders   map[string]string `json:"response_headers"`
	ResponseBody      string            `json:"response_body"` // the first 8 KiB of it
	ExecutionDuration Seconds           `json:"execution_duration"`
	ResponseStatus    string            `json:"response_status"` // such as "200", or "internal error" without a response
	CreatedAt         time.Time         `json:"created_at,omitzero"`
}

// ListWebhookEventsOptions narrows a list of deliveries. Nil lists those of the last seven
// days, newest first. A page has at most 20 items.
type ListWebhookEventsOptions struct {
	ListOptions

	// Status is a status code of the response, or "successful", "client_failure" or
	// "server_failure". Several are joined by commas.
	Status string `url:"status,omitempty"`
}

// Events returns one page of a webhook's deliveries in the last seven days.
//
//	GET /projects/:id/hooks/:hook_id/events
//
// See https://docs.gitlab.com/api/project_webhooks/#list-events-for-a-project-webhook.
// The error matches [ErrNotFound], [ErrForbidden] without the rights of a Maintainer, and
// [errors.ErrUnsupported] before GitLab 17.3.
func (s *WebhooksService) Events(ctx context.Context, project ProjectID, hook WebhookID, opts *ListWebhookEventsOptions) (*Page[WebhookEvent], error) {
	path, err := webhookEventsPath(project, hook, opts)
	if err != nil {
		return nil, err
	}
	return list(ctx, pagesAt[*WebhookEvent](s.client, path), opts)
}

// AllEvents ranges over a webhook's deliveries in the last seven days, newest first.
//
//	GET /projects/:id/hooks/:hook_id/events
//
// See https://docs.gitlab.com/api/project_webhooks/#list-events-for-a-project-webhook.
// It requests the pages of [WebhooksService.Events] with the same options and errors, by
// default of 20 items. The first error ends the loop; if a page fails, it is a [PageError].
// A delivery that is made during the loop moves the pages; one that was yielded before is
// dropped.
func (s *WebhooksService) AllEvents(ctx context.Context, project ProjectID, hook WebhookID, opts *ListWebhookEventsOptions) iter.Seq2[*WebhookEvent, error] {
	sized := ListWebhookEventsOptions{}
	if opts != nil {
		sized = *opts
	}
	sized.PerPage = cmp.Or(sized.PerPage, 20)
	path, err := webhookEventsPath(project, hook, &sized)
	if err != nil {
		return func(yield func(*WebhookEvent, error) bool) { yield(nil, err) }
	}
	return all(ctx, s.client, pagesAt[*WebhookEvent](s.client, path), &sized)
}

// A WebhookResponse is the response to a delivery that was repeated.
type WebhookResponse struct {
	ResponseStatus int `json:"response_status"` // the receiver's status code
}

// Resend repeats a delivery of a webhook. The receiver gets the same Idempotency-Key and
// webhook-id.
//
//	POST /projects/:id/hooks/:hook_id/events/:hook_event_id/resend
//
// See https://docs.gitlab.com/api/project_webhooks/#resend-a-project-webhook-event.
// The error matches [ErrInvalid] if the receiver does not respond, if the webhook is disabled
// or its URL has changed since, [ErrRateLimited] after five in a minute, [ErrNotFound],
// [ErrForbidden], [errors.ErrUnsupported] before GitLab 17.4, and [ErrOutcomeUnknown] if
// the response was lost: the request is never retried.
func (s *WebhooksService) Resend(ctx context.Context, project ProjectID, hook WebhookID, event WebhookEventID) (*WebhookResponse, error) {
	path := at("projects", project, "hooks", hook, "events", event, "resend")
	return send[*WebhookResponse](ctx, s.client, rest.Once(http.MethodPost, path, nil))
}

// webhookEventsPath is the path of a webhook's deliveries, whose pages are small.
func webhookEventsPath(project ProjectID, hook WebhookID, opts *ListWebhookEventsOptions) (rest.Path, error) {
	path := at("projects", project, "hooks", hook, "events")
	if opts != nil && opts.PerPage > 20 {
		return path, rest.Invalid("ListOptions.PerPage", fmt.Errorf("%d is not within 0 to 20", opts.PerPage))
	}
	return path, nil
}

// describe makes the options the body of a call, and keeps their secrets out of errors.
func (o *WebhookOptions) describe(c *rest.Call) {
	c.Body = struct {
		WebhookOptions
		*WebhookTriggers
	}{*o, o.Triggers}
	c.Err = cmp.Or(c.Err, o.check(c.Method == http.MethodPost))
	values := slices.Concat(o.CustomHeaders, o.URLVariables)
	for _, token := range []*string{o.Token, o.SigningToken} {
		values = append(values, WebhookValue{Value: *cmp.Or(token, new(""))})
	}
	for _, one := range values {
		if len(one.Value) >= secret.Shortest {
			c.Secrets = append(c.Secrets, secret.New(one.Value))
		}
	}
}

// check returns an error for what GitLab would refuse. It does not quote what can have a
// secret.
func (o *WebhookOptions) check(created bool) error {
	place := strings.NewReplacer("{", "", "}", "").Replace(o.URL) // of a variable
	switch {
	case (created || o.URL != "") && !isWebURL(place):
		return errors.New("the URL of a webhook is not an http:// or https:// URL")
	case o.Token != nil && strings.ContainsAny(*o.Token, "\r\n"):
		return errors.New("WebhookOptions.Token has a line break")
	case o.SigningToken != nil && *o.SigningToken != "" && !isSigningToken(*o.SigningToken):
		return errors.New("WebhookOptions.SigningToken is not \"whsec_\" and 32 bytes in base64")
	}
	for _, one := range slices.Concat(o.CustomHeaders, o.URLVariables) {
		if one.Key == "" {
			return errors.New("WebhookOptions.CustomHeaders or URLVariables has an element without a Key")
		}
	}
	return nil
}

func isSigningToken(token string) bool {
	text, found := strings.CutPrefix(token, "whsec_")
	key, err := base64.StdEncoding.Strict().DecodeString(text)
	return found && err == nil && len(key) == 32
}

// isApplied reports whether a webhook is as the options want it, as far as that shows.
func (o *WebhookOptions) isApplied(now *Webhook) bool {
	text := func(wanted *string, has string) bool { return wanted == nil || *wanted == has }
	return (o.URL == "" || o.URL == now.URL) && (o.Triggers == nil || *o.Triggers == now.WebhookTriggers) &&
		(o.Token == nil || now.TokenPresent == (*o.Token != "")) && (o.SigningToken == nil || now.SigningTokenPresent == (*o.SigningToken != "")) &&
		(o.EnableSSLVerification == nil || *o.EnableSSLVerification == now.EnableSSLVerification) &&
		text(o.Name, now.Name) && text(o.Description, now.Description) && text(o.PushEventsBranchFilter, now.PushEventsBranchFilter) &&
		(o.BranchFilterStrategy == "" || o.BranchFilterStrategy == now.BranchFilterStrategy) && text(o.CustomWebhookTemplate, now.CustomWebhookTemplate) &&
		hasKeys(now.CustomHeaders, o.CustomHeaders) && hasKeys(now.URLVariables, o.URLVariables)
}

// hasKeys reports whether all keys of wanted are there. Their values do not show.
func hasKeys(there, wanted []WebhookValue) bool {
	return !slices.ContainsFunc(wanted, func(w WebhookValue) bool {
		return !slices.ContainsFunc(there, func(t WebhookValue) bool { return t.Key == w.Key })
	})
}
