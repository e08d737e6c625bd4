package gitlabci

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
)

// SchedulesService manages a project's pipeline schedules, which start pipelines at the
// times of a cron expression. It is [Client.Schedules].
//
// A schedule runs in the name of its owner, and only the owner can change it. If the owner
// may no longer run pipelines on the ref, GitLab deactivates the schedule silently. To
// activate it again, use [SchedulesService.TakeOwnership], then [SchedulesService.Update]
// with Active. Job tokens cannot use schedules.
//
// GitLab starts the pipeline of a play a moment later, and does not return its ID. So
// [SchedulesService.Play] reads the schedule first, and then polls it until it has a newer
// pipeline, for at most 5 minutes. If the response to the play is lost, it polls for 2
// minutes. GitLab does not report that it cannot start the pipeline, for example because the
// configuration is invalid. Plays of a schedule by one client, and by clients made from it by
// [Client.With], run one after the other, and never return the same pipeline. Play can return
// the wrong pipeline if the schedule is due, or another client plays it, after the read and
// before GitLab has started the pipeline of this play. With a rate limit, that can be minutes.
//
// See https://docs.gitlab.com/api/pipeline_schedules/.
type SchedulesService struct{ client *Client }

// A ScheduleID is a pipeline schedule's number, unique on the whole instance.
type ScheduleID int64

// A Schedule is a pipeline schedule of a project.
type Schedule struct {
	ID           ScheduleID `json:"id"`
	Description  string     `json:"description"`
	Ref          string     `json:"ref"` // in full, such as "refs/heads/main", however it was given; see RefName
	Cron         string     `json:"cron"`
	CronTimezone string     `json:"cron_timezone"`
	NextRunAt    time.Time  `json:"next_run_at,omitzero"` // zero if it is not active
	Active       bool       `json:"active"`
	CreatedAt    time.Time  `json:"created_at,omitzero"`
	UpdatedAt    time.Time  `json:"updated_at,omitzero"`
	Owner        *User      `json:"owner,omitzero"` // nil if the user was deleted

	// Inputs are those of the schedule's pipelines, from GitLab 17.11. Only Get, List and
	// All return them, and only to the owner and to Maintainers.
	Inputs []ScheduleInput `json:"inputs,omitzero"`

	// LastPipeline is the newest pipeline that the schedule has started. It is nil if there
	// is none, and in lists.
	LastPipeline *PipelineInfo `json:"last_pipeline,omitzero"`

	// Variables are those of the schedule's pipelines. Only Get returns them, and only to
	// the owner and to Maintainers.
	Variables []*Variable `json:"variables,omitzero"`
}

// RefName is the name of the branch or the tag, as [PipelineInfo.Ref] has it.
func (s *Schedule) RefName() string { return branchOrTag(s.Ref) }

// A ScheduleInput is an input of a schedule's pipelines. The Value is a string, a bool, a
// float64 or a list of these.
type ScheduleInput struct {
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// A ScheduleScope selects schedules. The set is open.
type ScheduleScope string

// The scopes of schedules.
const (
	ScheduleScopeActive   ScheduleScope = "active"
	ScheduleScopeInactive ScheduleScope = "inactive"
)

// ListSchedulesOptions narrows a list of schedules. Nil lists all, oldest first.
type ListSchedulesOptions struct {
	ListOptions

	Scope ScheduleScope `url:"scope,omitempty"`
}

// List returns one page of a project's schedules, without their last pipelines and
// variables.
//
//	GET /projects/:id/pipeline_schedules
//
// See https://docs.gitlab.com/api/pipeline_schedules/#list-all-pipeline-schedules.
// The error matches [ErrNotFound] if the project does not exist or the token may not see
// it, [ErrForbidden] if its pipelines are hidden from the token, and
// [errors.ErrUnsupported] if the server ignores the Scope.
func (s *SchedulesService) List(ctx context.Context, project ProjectID, opts *ListSchedulesOptions) (*Page[Schedule], error) {
	return list(ctx, pagesAt[*Schedule](s.client, at("projects", project, "pipeline_schedules")), opts)
}

// All ranges over a project's schedules, oldest first.
//
//	GET /projects/:id/pipeline_schedules
//
// See https://docs.gitlab.com/api/pipeline_schedules/#list-all-pipeline-schedules.
// It requests the pages of [SchedulesService.List] with the same options and errors, by
// default of 100 items. The first error ends the loop; if a page fails, it is a
// [PageError].
func (s *SchedulesService) All(ctx context.Context, project ProjectID, opts *ListSchedulesOptions) iter.Seq2[*Schedule, error] {
	return all(ctx, s.client, pagesAt[*Schedule](s.client, at("projects", project, "pipeline_schedules")), opts)
}

// Get returns one schedule.
//
//	GET /projects/:id/pipeline_schedules/:pipeline_schedule_id
//
// See https://docs.gitlab.com/api/pipeline_schedules/#retrieve-a-pipeline-schedule.
// The error matches [ErrNotFound] if the project or the schedule does not exist, or the
// token may not see it.
func (s *SchedulesService) Get(ctx context.Context, project ProjectID, schedule ScheduleID) (*Schedule, error) {
	return getOne[*Schedule](ctx, s.client, scheduleAt(project, schedule))
}

// CreateScheduleOptions are a new schedule's values. The first three are required.
type CreateScheduleOptions struct {
	Description string `json:"description"`
	Ref         string `json:"ref"`  // a branch or a tag; one that both have must be given in full, as "refs/heads/main"
	Cron        string `json:"cron"` // such as "0 1 * * *"; GitLab may run it a few minutes later

	CronTimezone string `json:"cron_timezone,omitzero"` // such as "Europe/Berlin"; "" is UTC
	Active       *bool  `json:"active,omitzero"`        // nil is true

	// Inputs are values for the configuration's spec:inputs, by name; see
	// [CreatePipelineOptions.Inputs]. From GitLab 17.11; older servers ignore them.
	Inputs map[string]any `json:"-"`
}

// Create creates a schedule. The client's user owns it.
//
//	POST /projects/:id/pipeline_schedules
//
// See https://docs.gitlab.com/api/pipeline_schedules/#create-a-pipeline-schedule.
// The error matches [ErrNotFound], [ErrForbidden] without the right to create schedules,
// [ErrInvalid] if GitLab refuses a value, such as an invalid cron expression, and
// [ErrOutcomeUnknown] if the response was lost: the request is never retried.
func (s *SchedulesService) Create(ctx context.Context, project ProjectID, opts *CreateScheduleOptions) (*Schedule, error) {
	const where = "CreateScheduleOptions"
	c := rest.Once(http.MethodPost, at("projects", project, "pipeline_schedules"), nil)
	if opts == nil || blank(opts.Description) || blank(opts.Ref) || blank(opts.Cron) {
		c.Err = errors.New(where + ".Description, Ref or Cron is empty")
		return send[*Schedule](ctx, s.client, c)
	}
	inputs, err := scheduleInputs(where, opts.Inputs, nil)
	c.Body = struct {
		CreateScheduleOptions
		Inputs []scheduleInput `json:"inputs,omitzero"`
	}{*opts, inputs}
	c.Err = cmp.Or(c.Err, err)
	return send[*Schedule](ctx, s.client, c)
}

// UpdateScheduleOptions are the new values of a schedule. Zero fields change nothing.
type UpdateScheduleOptions struct {
	Description  string `json:"description,omitzero"`
	Ref          string `json:"ref,omitzero"`
	Cron         string `json:"cron,omitzero"`
	CronTimezone string `json:"cron_timezone,omitzero"`
	Active       *bool  `json:"active,omitzero"`

	// Inputs are set, and RemoveInputs are removed. Other inputs stay as they are.
	Inputs       map[string]any `json:"-"`
	RemoveInputs []string       `json:"-"`
}

// Update changes a schedule that the user owns; see [SchedulesService.TakeOwnership].
//
//	PUT /projects/:id/pipeline_schedules/:pipeline_schedule_id
//
// See https://docs.gitlab.com/api/pipeline_schedules/#update-a-pipeline-schedule.
// The error matches [ErrNotFound], [ErrForbidden] if another user owns the schedule,
// [ErrInvalid] if GitLab refuses a value, and [ErrOutcomeUnknown] if every response was
// lost. If GitLab refuses a retry, but the schedule is as wanted in all fields that can be
// read, Update succeeds.
func (s *SchedulesService) Update(ctx context.Context, project ProjectID, schedule ScheduleID, opts *UpdateScheduleOptions) (*Schedule, error) {
	const where = "UpdateScheduleOptions"
	c := rest.Repeatable(http.MethodPut, scheduleAt(project, schedule).path, nil)
	if opts == nil {
		opts = &UpdateScheduleOptions{}
		c.Err = errors.New(where + " is nil, so that nothing would change")
	}
	inputs, err := scheduleInputs(where, opts.Inputs, opts.RemoveInputs)
	c.Body = struct {
		UpdateScheduleOptions
		Inputs []scheduleInput `json:"inputs,omitzero"`
	}{*opts, inputs}
	c.Err = cmp.Or(c.Err, err)
	return readBack(ctx, s.client, c, scheduleAt(project, schedule), opts.isApplied)
}

// TakeOwnership makes the client's user the owner of a schedule. From then on, the schedule
// runs in this user's name. The call can be repeated.
//
//	POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/take_ownership
//
// See https://docs.gitlab.com/api/pipeline_schedules/#take-ownership-of-a-pipeline-schedule.
// The error matches [ErrNotFound], [ErrForbidden] without the role Maintainer, and
// [ErrOutcomeUnknown] if every response was lost. If GitLab refuses a retry, but the user
// owns the schedule, TakeOwnership succeeds.
func (s *SchedulesService) TakeOwnership(ctx context.Context, project ProjectID, schedule ScheduleID) (*Schedule, error) {
	c := rest.Repeatable(http.MethodPost, at("projects", project, "pipeline_schedules", schedule, "take_ownership"), nil)
	return readBack(ctx, s.client, c, scheduleAt(project, schedule), func(now *Schedule) bool {
		user, err := get[*User](ctx, s.client, at("user"), nil)
		return err == nil && now.Owner != nil && now.Owner.ID == user.ID && user.ID > 0
	})
}

// Delete removes a schedule. Its pipelines stay.
//
//	DELETE /projects/:id/pipeline_schedules/:pipeline_schedule_id
//
// See https://docs.gitlab.com/api/pipeline_schedules/#delete-a-pipeline-schedule.
// The error matches [ErrNotFound] if the schedule did not exist, [ErrForbidden] if the user
// is neither its owner nor a Maintainer, and [ErrOutcomeUnknown] if every response was lost.
// If a response is lost, the request is retried. If the schedule is then gone, Delete
// succeeds.
func (s *SchedulesService) Delete(ctx context.Context, project ProjectID, schedule ScheduleID) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, scheduleAt(project, schedule).path, nil))
}

// A scheduleInput is an input of a schedule as it is sent.
type scheduleInput struct {
	Name    string `json:"name"`
	Value   any    `json:"value,omitzero"`
	Destroy bool   `json:"destroy,omitzero"`
}

// scheduleInputs are the inputs to set and to remove, in the order of their names.
func scheduleInputs(options string, set map[string]any, remove []string) ([]scheduleInput, error) {
	values, err := inputValues(options, set)
	if err != nil {
		return nil, err
	}
	var inputs []scheduleInput
	for _, name := range slices.Sorted(maps.Keys(values)) {
		inputs = append(inputs, scheduleInput{Name: name, Value: values[name]})
	}
	for i, name := range remove {
		if _, isSet := values[name]; isSet || name == "" {
			return nil, fmt.Errorf("%s.RemoveInputs[%d] is empty, or in Inputs as well", options, i)
		}
		inputs = append(inputs, scheduleInput{Name: name, Destroy: true})
	}
	return inputs, nil
}

// isApplied reports whether a schedule is as the options want it, as far as that shows.
func (o *UpdateScheduleOptions) isApplied(now *Schedule) bool {
	text := func(wanted, has string) bool { return wanted == "" || strings.TrimSpace(wanted) == has }
	return text(o.Description, strings.TrimSpace(now.Description)) && text(branchOrTag(o.Ref), now.RefName()) && text(o.Cron, now.Cron) &&
		text(o.CronTimezone, now.CronTimezone) && (o.Active == nil || *o.Active == now.Active) && (now.Inputs == nil || o.hasInputs(now.Inputs))
}

// hasInputs reports whether all inputs are as wanted.
func (o *UpdateScheduleOptions) hasInputs(now []ScheduleInput) bool {
	has := map[string]any{}
	for _, in := range now {
		has[in.Name] = in.Value
	}
	for name, value := range o.Inputs {
		if other, there := has[name]; !there || !sameJSON(value, other) {
			return false
		}
	}
	return !slices.ContainsFunc(o.RemoveInputs, func(name string) bool { _, there := has[name]; return there })
}

// sameJSON reports whether a value that was sent is the one that was read.
func sameJSON(sent, read any) bool {
	one, err := lenient.Encode(sent)
	other, otherErr := lenient.Encode(read)
	return err == nil && otherErr == nil && bytes.Equal(one, other)
}

// SetVariable creates or updates a variable of a schedule's pipelines, and returns it. Errors
// and logs do not contain the Value. A variable with Raw is refused.
//
//	PUT /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key
//	POST /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables
//
// See https://docs.gitlab.com/api/pipeline_schedules/#update-a-pipeline-schedule-variable.
// A request whose response is lost is sent again. The error matches [ErrNotFound] if the
// project or the schedule does not exist, [ErrForbidden] if another user owns the schedule,
// or the project does not let its owner set pipeline variables, [ErrInvalid] if GitLab refuses
// a value, and [ErrOutcomeUnknown] if the variable may have been set.
func (s *SchedulesService) SetVariable(ctx context.Context, project ProjectID, schedule ScheduleID, variable *Variable) (*Variable, error) {
	v := *cmp.Or(variable, &Variable{})
	v.VariableType = cmp.Or(v.VariableType, VariableTypeEnvVar)
	body := struct {
		Value        string       `json:"value"`
		VariableType VariableType `json:"variable_type"`
	}{v.Value, v.VariableType}
	change := rest.Repeatable(http.MethodPut, scheduleVariableAt(project, schedule, v.Key), body)
	create := rest.Once(http.MethodPost, at("projects", project, "pipeline_schedules", schedule, "variables"), v)
	if v.Raw {
		change.Err = cmp.Or(change.Err, fmt.Errorf("the variable %s is Raw, which this endpoint cannot set", v.Key))
	}
	change.Secrets = variableSecrets([]*Variable{&v})
	create.Secrets = change.Secrets
	set, err := s.setVariable(ctx, change, create, v.Key)
	if e, responded := errors.AsType[*APIError](err); !responded || e.StatusCode/100 != 4 || !errors.Is(err, ErrOutcomeUnknown) {
		return set, err
	}
	if now, readErr := s.Get(ctx, project, schedule); readErr == nil { // as readBack does
		for _, one := range now.Variables {
			if one.Key == v.Key && one.Value == v.Value && one.VariableType == v.VariableType {
				return one, nil
			}
		}
	}
	return set, err
}

// setVariable changes a variable or, if it does not exist, creates it. Both can fail:
// someone else deletes or creates it meanwhile, or the response to a create is lost.
func (s *SchedulesService) setVariable(ctx context.Context, change, create *rest.Call, key string) (*Variable, error) {
	var lost error
	for try := 1; ; try++ {
		set, err := sendVariable(ctx, s.client, change, key)
		if e, responded := errors.AsType[*APIError](err); !responded || !e.lacksVariable() {
			return set, withLost(err, lost)
		}
		set, err = sendVariable(ctx, s.client, create, key)
		if unknown := errors.Is(err, ErrOutcomeUnknown); unknown {
			lost = err
		} else if !isTaken(err) {
			return set, withLost(err, lost)
		}
		if err := s.client.wire.WaitToRetry(ctx, create, try, err); err != nil {
			return nil, withLost(rest.Errorf("%w", err), lost)
		}
	}
}

// withLost adds to an error that an earlier request may have been executed.
func withLost(err, lost error) error {
	if err == nil || lost == nil || errors.Is(err, ErrOutcomeUnknown) {
		return err
	}
	return rest.Errorf("%w", rest.After(err, lost))
}

// lacksVariable reports whether a schedule is there, and a variable of it is not.
func (e *APIError) lacksVariable() bool {
	return e.gone() && strings.Contains(e.Message, "Schedule Variable")
}

// isTaken reports whether what was to be created is there already.
func isTaken(err error) bool {
	e, responded := errors.AsType[*APIError](err)
	return responded && e.Is(ErrInvalid) && strings.Contains(e.Message, "already been taken")
}

// sendVariable makes a call whose response is the variable with that key.
func sendVariable(ctx context.Context, c *Client, call *rest.Call, key string) (*Variable, error) {
	return sendDecode(ctx, c, call, func(ctx context.Context, body []byte) (*Variable, lenient.LeftOut, error) {
		v, left, err := decodeEntity[*Variable](ctx, body)
		if err == nil && v.Key != key {
			err = fmt.Errorf("%w: it has the key %q", rest.ErrOther, rest.Shorten(v.Key, rest.MaxTitle))
		}
		return v, left, err
	})
}

// DeleteVariable removes a variable of a schedule's pipelines.
//
//	DELETE /projects/:id/pipeline_schedules/:pipeline_schedule_id/variables/:key
//
// See https://docs.gitlab.com/api/pipeline_schedules/#delete-a-pipeline-schedule-variable.
// The error matches [ErrNotFound] if the variable did not exist, [ErrForbidden] if the user is
// neither the owner of the schedule nor a Maintainer, or may not set pipeline variables, and
// [ErrOutcomeUnknown] if every response was lost. If a response is lost, the request is
// retried. If the variable is then gone, DeleteVariable succeeds.
func (s *SchedulesService) DeleteVariable(ctx context.Context, project ProjectID, schedule ScheduleID, key string) error {
	return s.client.wire.Discard(ctx, rest.Repeatable(http.MethodDelete, scheduleVariableAt(project, schedule, key), nil))
}

func scheduleVariableAt(project ProjectID, schedule ScheduleID, key string) rest.Path {
	return at("projects", project, "pipeline_schedules", schedule, "variables", variableKey(key))
}
