package gitlabci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"example.com/gitlabci/internal/lenient"
	"example.com/gitlabci/internal/rest"
)

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
