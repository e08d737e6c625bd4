package gitlabci

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"time"

	"example.com/gitlabci/internal/pages"
)

// EnvironmentsService reads environments. It is [Client.Environments]. All methods need a
// token, even for a public project.
//
// See https://docs.gitlab.com/api/environments/.
type EnvironmentsService struct{ client *Client }

// An EnvironmentID is an environment's number, unique on the whole instance.
type EnvironmentID int64

// An EnvironmentInfo has the fields of an environment that deployments contain.
type EnvironmentInfo struct {
	ID          EnvironmentID `json:"id"`
	Name        string        `json:"name"` // such as "production" or "review/topic"
	Slug        string        `json:"slug"` // the name as a part of a URL
	ExternalURL string        `json:"external_url,omitzero"`
	CreatedAt   time.Time     `json:"created_at,omitzero"`
	UpdatedAt   time.Time     `json:"updated_at,omitzero"`
}

// An Environment is a target of deployments.
type Environment struct {
	EnvironmentInfo

	State               EnvironmentState `json:"state"`
	Tier                string           `json:"tier,omitzero"` // "production", "staging", "testing", "development" or "other"
	Description         string           `json:"description,omitzero"`
	AutoStopAt          time.Time        `json:"auto_stop_at,omitzero"`
	AutoStopSetting     string           `json:"auto_stop_setting,omitzero"` // "always" or "with_action"
	KubernetesNamespace string           `json:"kubernetes_namespace,omitzero"`
	FluxResourcePath    string           `json:"flux_resource_path,omitzero"`

	// LastDeployment is the newest successful deployment, or nil if there is none. Only Get
	// returns it.
	LastDeployment *Deployment `json:"last_deployment,omitzero"`
}

// An EnvironmentState is the state of an environment. The set is open.
type EnvironmentState string

// The states of environments.
const (
	EnvironmentStateAvailable EnvironmentState = "available"
	EnvironmentStateStopping  EnvironmentState = "stopping"
	EnvironmentStateStopped   EnvironmentState = "stopped"
)

// Get returns one environment, with its last deployment.
//
//	GET /projects/:id/environments/:environment_id
//
// See https://docs.gitlab.com/api/environments/#get-a-specific-environment.
// The error matches [ErrNotFound] if the project or the environment does not exist, or the
// token may not see it, [ErrForbidden] if the environments are hidden from the token, and
// [ErrUnauthorized] without a token.
func (s *EnvironmentsService) Get(ctx context.Context, project ProjectID, environment EnvironmentID) (*Environment, error) {
	return getOne[*Environment](ctx, s.client, target{at("projects", project, "environments", environment), int64(environment)})
}

// ListEnvironmentsOptions narrows a list of environments. Nil lists all of them, oldest
// first.
type ListEnvironmentsOptions struct {
	ListOptions

	Name   string           `url:"name,omitempty"`   // exact
	Search string           `url:"search,omitempty"` // a part of the name, three characters at least; not beside Name
	States EnvironmentState `url:"states,omitempty"` // "" is all
}

// List returns one page of a project's environments.
//
//	GET /projects/:id/environments
//
// See https://docs.gitlab.com/api/environments/#list-environments.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, [ErrForbidden] if its environments are hidden from the token, and [ErrUnauthorized]
// without a token. It matches [ErrInvalid] if Search is too short or is combined with Name,
// and [errors.ErrUnsupported] if the server ignores a filter, and an item contradicts it.
// Search cannot be checked.
func (s *EnvironmentsService) List(ctx context.Context, project ProjectID, opts *ListEnvironmentsOptions) (*Page[Environment], error) {
	return list(ctx, pagesAt[*Environment](s.client, at("projects", project, "environments")), opts)
}

// All ranges over a project's environments, page by page as the loop runs.
//
//	GET /projects/:id/environments
//
// See https://docs.gitlab.com/api/environments/#list-environments.
// It requests the pages of [EnvironmentsService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered, and overlap. As in [PipelinesService.All], every environment that
// stays in the list is yielded exactly once.
func (s *EnvironmentsService) All(ctx context.Context, project ProjectID, opts *ListEnvironmentsOptions) iter.Seq2[*Environment, error] {
	return all(ctx, s.client, pagesAt[*Environment](s.client, at("projects", project, "environments")), opts)
}

// DeploymentsService reads deployments. It is [Client.Deployments]. All methods need a token,
// even for a public project.
//
// See https://docs.gitlab.com/api/deployments/.
type DeploymentsService struct{ client *Client }

// A DeploymentID is a deployment's number, unique on the whole instance.
type DeploymentID int64

// A Deployment is a deployment to an environment.
type Deployment struct {
	ID                   DeploymentID     `json:"id"`
	IID                  int64            `json:"iid"` // counts within the project; not an ID for this API
	Ref                  string           `json:"ref"`
	SHA                  string           `json:"sha"`
	Status               DeploymentStatus `json:"status"`
	CreatedAt            time.Time        `json:"created_at,omitzero"`
	UpdatedAt            time.Time        `json:"updated_at,omitzero"`
	User                 *User            `json:"user,omitzero"`
	Environment          *EnvironmentInfo `json:"environment,omitzero"`            // nil as the LastDeployment of an environment
	Deployable           *Job             `json:"deployable,omitzero"`             // nil if it was made by the API, or by a trigger job
	PendingApprovalCount int              `json:"pending_approval_count,omitzero"` // of paid editions
}

// A DeploymentStatus is the status of a deployment. The set is open.
type DeploymentStatus string

// The statuses of deployments.
const (
	DeploymentStatusCreated  DeploymentStatus = "created"
	DeploymentStatusRunning  DeploymentStatus = "running"
	DeploymentStatusSuccess  DeploymentStatus = "success"
	DeploymentStatusFailed   DeploymentStatus = "failed"
	DeploymentStatusCanceled DeploymentStatus = "canceled"
	DeploymentStatusSkipped  DeploymentStatus = "skipped"
	DeploymentStatusBlocked  DeploymentStatus = "blocked" // waits for an approval
)

// A DeploymentOrder is what a list of deployments is sorted by. The set is open: a word not
// listed here passes through unchanged, and GitLab refuses what it does not know.
type DeploymentOrder string

// The orders of deployments.
const (
	DeploymentOrderByID         DeploymentOrder = "id" // age, as IDs only grow
	DeploymentOrderByUpdatedAt  DeploymentOrder = "updated_at"
	DeploymentOrderByFinishedAt DeploymentOrder = "finished_at" // with FinishedAfter or FinishedBefore only
	DeploymentOrderByRef        DeploymentOrder = "ref"
)

// Get returns one deployment.
//
//	GET /projects/:id/deployments/:deployment_id
//
// See https://docs.gitlab.com/api/deployments/#get-a-specific-deployment.
// The error matches [ErrNotFound] if the project or the deployment does not exist, or the
// token may not see it, [ErrForbidden] if the deployments are hidden from the token, and
// [ErrUnauthorized] without a token.
func (s *DeploymentsService) Get(ctx context.Context, project ProjectID, deployment DeploymentID) (*Deployment, error) {
	return getOne[*Deployment](ctx, s.client, target{at("projects", project, "deployments", deployment), int64(deployment)})
}

// ListDeploymentsOptions narrows a list of deployments; filters add up. Nil lists all of
// them, oldest first.
type ListDeploymentsOptions struct {
	ListOptions

	Environment string           `url:"environment,omitempty"` // its name, exact
	Status      DeploymentStatus `url:"status,omitempty"`

	// UpdatedAfter and UpdatedBefore need the order [DeploymentOrderByUpdatedAt], which is
	// the default if one of them is set. Zero times do not narrow the list.
	UpdatedAfter  time.Time `url:"updated_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	UpdatedBefore time.Time `url:"updated_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`

	// FinishedAfter and FinishedBefore need the Status [DeploymentStatusSuccess], and the
	// order [DeploymentOrderByFinishedAt], which is the default if one of them is set. They
	// cannot be combined with UpdatedAfter and UpdatedBefore.
	FinishedAfter  time.Time `url:"finished_after,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`
	FinishedBefore time.Time `url:"finished_before,omitempty" layout:"2006-01-02T15:04:05.999999999Z07:00"`

	OrderBy DeploymentOrder `url:"order_by,omitempty"` // "" is [DeploymentOrderByID], unless there are times
	Sort    Sort            `url:"sort,omitempty"`     // "" is [SortAsc]
}

// List returns one page of a project's deployments, oldest first unless Sort says otherwise.
//
//	GET /projects/:id/deployments
//
// See https://docs.gitlab.com/api/deployments/#list-project-deployments.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, [ErrForbidden] if its deployments are hidden from the token, and [ErrUnauthorized]
// without a token. It matches [ErrInvalid] for a value that GitLab does not know or for
// times without the order and status that they need, and [errors.ErrUnsupported] if the
// server ignores a filter, and an item contradicts it. FinishedAfter and FinishedBefore
// cannot be checked.
func (s *DeploymentsService) List(ctx context.Context, project ProjectID, opts *ListDeploymentsOptions) (*Page[Deployment], error) {
	return list(ctx, s.pages(project, opts), opts.ordered())
}

// All ranges over a project's deployments, page by page as the loop runs.
//
//	GET /projects/:id/deployments
//
// See https://docs.gitlab.com/api/deployments/#list-project-deployments.
// It requests the pages of [DeploymentsService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
//
// Pages are numbered, and overlap. As in [PipelinesService.All], every deployment that
// stays in the list is yielded exactly once if the list is ordered by ID. The same is true
// for [DeploymentOrderByUpdatedAt], but one that changed is yielded again. In other orders,
// none is yielded twice, but one that moved in the list can be missed.
func (s *DeploymentsService) All(ctx context.Context, project ProjectID, opts *ListDeploymentsOptions) iter.Seq2[*Deployment, error] {
	return all(ctx, s.client, s.pages(project, opts), opts.ordered())
}

// pages requests pages of a project's deployments. It refuses the filters that GitLab
// refuses, and those that some releases list in another order.
func (s *DeploymentsService) pages(project ProjectID, opts *ListDeploymentsOptions) pages.Request[*Deployment] {
	path := at("projects", project, "deployments")
	if opts != nil && opts.After == "" && path.Err == nil {
		path.Err = opts.check()
	}
	return pagesAt[*Deployment](s.client, path)
}

func (o *ListDeploymentsOptions) byUpdate() bool {
	return !o.UpdatedAfter.IsZero() || !o.UpdatedBefore.IsZero()
}
func (o *ListDeploymentsOptions) byFinish() bool {
	return !o.FinishedAfter.IsZero() || !o.FinishedBefore.IsZero()
}

func (o *ListDeploymentsOptions) check() error {
	const where = "ListDeploymentsOptions."
	switch {
	case o.byUpdate() && o.byFinish():
		return errors.New(where + "UpdatedAfter or UpdatedBefore is set, and FinishedAfter or FinishedBefore is set as well")
	case o.byUpdate() && o.OrderBy != "" && o.OrderBy != DeploymentOrderByUpdatedAt:
		return fmt.Errorf("%sUpdatedAfter and UpdatedBefore need the OrderBy %q, or none", where, DeploymentOrderByUpdatedAt)
	case o.byFinish() && o.OrderBy != "" && o.OrderBy != DeploymentOrderByFinishedAt:
		return fmt.Errorf("%sFinishedAfter and FinishedBefore need the OrderBy %q, or none", where, DeploymentOrderByFinishedAt)
	case o.byFinish() && o.Status != DeploymentStatusSuccess:
		return fmt.Errorf("%sFinishedAfter and FinishedBefore need the Status %q", where, DeploymentStatusSuccess)
	case !o.byFinish() && o.OrderBy == DeploymentOrderByFinishedAt:
		return fmt.Errorf("%sOrderBy %q needs FinishedAfter or FinishedBefore", where, DeploymentOrderByFinishedAt)
	}
	return nil
}

// ordered returns the options with the order that their filters need.
func (o *ListDeploymentsOptions) ordered() *ListDeploymentsOptions {
	if o == nil || o.OrderBy != "" {
		return o
	}
	ordered := *o
	switch {
	case o.byUpdate():
		ordered.OrderBy = DeploymentOrderByUpdatedAt
	case o.byFinish():
		ordered.OrderBy = DeploymentOrderByFinishedAt
	}
	return &ordered
}

func (e *EnvironmentInfo) label() string   { return fmt.Sprintf("environment %d", e.ID) }
func (e *EnvironmentInfo) missing() string { return missingID(int64(e.ID)) }

func (d *Deployment) label() string   { return fmt.Sprintf("deployment %d", d.ID) }
func (d *Deployment) missing() string { return missingID(int64(d.ID)) }

func (e *EnvironmentInfo) identity() (int64, time.Time) { return int64(e.ID), e.UpdatedAt }
func (d *Deployment) identity() (int64, time.Time)      { return int64(d.ID), d.UpdatedAt }

func (*Environment) listOrder() listOrder { return oldestFirst }

// listOrder says that GitLab orders deployments by ID for order_by=iid and created_at, too.
func (*Deployment) listOrder() listOrder {
	return listOrder{by: "id", ascending: true, ids: []string{"id", "iid", "created_at"}, times: []string{"updated_at"}}
}

func (e *Environment) contradicts(query url.Values) (parameter, has string) {
	return mismatch(query, []filter{exactly("name", e.Name), exactly("states", string(e.State))})
}

func (d *Deployment) contradicts(query url.Values) (parameter, has string) {
	filters := []filter{exactly("status", string(d.Status)), since("updated_after", d.UpdatedAt), until("updated_before", d.UpdatedAt)}
	if d.Environment != nil {
		filters = append(filters, exactly("environment", d.Environment.Name))
	}
	return mismatch(query, filters)
}
